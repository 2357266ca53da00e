"""The composition root: calls the slots of a config graph in order and trains what they give."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
from torch import Tensor

from ccd.backbones.base import Backbone, BackboneFactory, Representations
from ccd.backbones.projector import ProjectorFactory
from ccd.backbones.world import World
from ccd.cold_items.placing import (
    BY_DEFAULT,
    ColdItems,
    ColdItemsFactory,
    refuse_no_features,
)
from ccd.cpu import cpu_threads, kept_memory
from ccd.datasets.dataset import Dataset
from ccd.diffusion.aligner import AlignerFactory, DiffusionAligner
from ccd.errors import ConfigError, DataError, ResourceError, reason
from ccd.evaluation.held_out import HeldOut
from ccd.evaluation.ranking import NOT_MEASURED, Evaluation, EvaluatorFactory
from ccd.graphs.engines import choose_engine
from ccd.graphs.items_by_user import ItemsByUser
from ccd.losses.mix import LossesFactory
from ccd.negatives.base import RandomNegatives, Sampler, SamplerFactory, SamplerWorld
from ccd.negatives.pools import DiffusionPools, PoolsFactory
from ccd.negatives.probe import NegativeProbe, ProbeFactory
from ccd.ranks.share import ALONE, Ranks
from ccd.registry import component
from ccd.settings import (
    HOW_IT_RUNS,
    REQUIRED,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    Slot,
    Text,
)
from ccd.tracking.base import TrackerFactory
from ccd.training.checkpoint import CheckpointFactory
from ccd.training.random import Streams
from ccd.training.recommender import Recommender
from ccd.training.trainer import TrainerFactory, Training
from ccd.training.transfer import Start, begin_with

DatasetFactory = Annotated[Callable[[Sequence[Path]], Dataset], Slot("dataset")]


@component("experiment")
class Experiment:
    """One variant: a data set, a backbone, and whichever parts of CCDRec it names.

    Args:
        dataset: Where interactions and features come from.
        backbone: The recommender.
        projector: Projects raw features for the backbone and DMA.
        aligner: DMA.
        pools: NDI.
        cold_items: Places items without training interactions by their features; None leaves them
            where chance put them.
        sampler: Hard negatives; None trains on one random negative.
        losses: The objective.
        trainer: The training loop.
        evaluator: Ranking metrics.
        probe: Measures the hard negatives of each epoch; None for nothing.
        checkpoint: How often the state of a run is kept while it trains; None for never.
        trackers: Programs that are told how ``ccd run`` and ``ccd search`` train.
        dim: Embedding size.
        device: ``cpu``, ``cuda`` or ``cuda:N``.
        engine: Message passing by ``dgl`` or ``torch``; ``auto`` takes DGL on the CPU.
        threads: CPU threads; 0 leaves torch's choice.
        rank_timeout: Seconds after which a run in several processes ends, if one does not answer.
    """

    def __init__(
        self,
        *,
        dataset: DatasetFactory = REQUIRED,
        backbone: BackboneFactory = REQUIRED,
        projector: ProjectorFactory = REQUIRED,
        aligner: AlignerFactory | None = None,
        pools: PoolsFactory | None = None,
        cold_items: ColdItemsFactory | None = None,
        sampler: SamplerFactory | None = None,
        losses: LossesFactory = REQUIRED,
        trainer: TrainerFactory = REQUIRED,
        evaluator: EvaluatorFactory = REQUIRED,
        probe: Annotated[ProbeFactory | None, HOW_IT_RUNS] = None,
        checkpoint: Annotated[CheckpointFactory | None, HOW_IT_RUNS] = None,
        trackers: Annotated[tuple[TrackerFactory, ...], HOW_IT_RUNS] = (),
        dim: PositiveInt = 64,
        device: Annotated[Text, HOW_IT_RUNS] = "cpu",
        engine: Annotated[Literal["auto", "dgl", "torch"], HOW_IT_RUNS] = "auto",
        threads: Annotated[NonNegativeInt, HOW_IT_RUNS] = 0,
        rank_timeout: Annotated[PositiveFloat, HOW_IT_RUNS] = 25.0,
    ) -> None:
        self.dataset, self.backbone, self.projector = dataset, backbone, projector
        self.aligner, self.pools, self.sampler = aligner, pools, sampler
        self.cold_items = cold_items
        self.losses, self.trainer, self.evaluator = losses(), trainer(), evaluator()
        self.checkpoint = checkpoint() if checkpoint is not None else None
        self.probe, self.dim, self.threads = probe, dim, threads
        self.rank_timeout = rank_timeout
        # Not built: whoever opens a finished run again may not have their packages.
        self.trackers = trackers
        self.device = _device(device)
        self.engine = choose_engine(self.device.type, engine)
        if dim < 4 or dim % 2:
            raise ConfigError(
                "Experiment.dim must be even and at least 4",
                keys=("Experiment.dim",),
                found=f"{dim}",
            )

    @contextmanager
    def start(
        self,
        dataset: Dataset,
        seed: int,
        *,
        begin: Start | None = None,
        epochs: int | None = None,
        ranks: Ranks = ALONE,
    ) -> Iterator[Training]:
        """Training on ``dataset``, to be driven epoch by epoch; the test split stays closed.

        While the block lasts, the process has the threads and keeps the memory that training wants.

        Args:
            dataset: The loaded data set; without validation pairs the last epoch is kept.
            seed: Seed of all random streams.
            begin: The earlier model that training begins with; None for random weights.
            epochs: Upper limit instead of the trainer's.
            ranks: The processes that train it together, all of which start it.

        Raises:
            ConfigError: The parts do not fit one another or the data set.
            DataError: No user has an unseen item.
        """
        with cpu_threads(self.threads), kept_memory():
            yield self._training(dataset, seed, begin, epochs, ranks)

    def test(
        self, dataset: Dataset, representations: Representations, ranks: Ranks = ALONE
    ) -> Evaluation:
        """Open the test split: metrics of the representations that validation has chosen.

        A data set without test pairs gives none.
        """
        if not len(dataset.test):
            return NOT_MEASURED
        with cpu_threads(self.threads):
            seen = self._train_pairs(dataset)[2].seen
            held_out = HeldOut(dataset.test, dataset.n_users, dataset.n_items, self.device)
            return self.evaluator.evaluate(representations, held_out, seen, ranks)

    def notes(self, dataset: Dataset) -> list[str]:
        """What a reader of its results should know of how it is evaluated on ``dataset``."""
        whole = len(np.unique(dataset.valid.users))
        ranked = self.n_validation_users(dataset)
        if ranked == whole:
            return []
        return [
            f"validation ranks for {ranked:,} of {whole:,} users, always the same ones; the test "
            "for all (FullRanking.validation_users)"
        ]

    def n_validation_users(self, dataset: Dataset) -> int:
        """How many users a validation ranks for."""
        return len(self._validation(dataset).users)

    def _validation(self, dataset: Dataset) -> HeldOut:
        every = HeldOut(dataset.valid, dataset.n_users, dataset.n_items, self.device)
        return self.evaluator.of_validation(every, dataset.n_items)

    def _training(
        self, dataset: Dataset, seed: int, begin: Start | None, epochs: int | None, ranks: Ranks
    ) -> Training:
        streams = Streams(seed, self.device)
        users, items, random_negatives = self._train_pairs(dataset)
        seen = random_negatives.seen
        validation = self._validation(dataset)
        probe = None
        if self.probe is not None:
            probe = self.probe(validation.relevant, self.losses.hard_weight)
        model = self._assemble(dataset, users, items, random_negatives, streams, probe, ranks)
        if begin is not None:
            begin_with(model, dataset, self.engine, begin)
        # A user who has seen the whole catalogue has no negatives, so no triplets.
        usable = ~random_negatives.exhausted(users)

        def validate(representations: Representations) -> dict[str, float]:
            return self.evaluator.evaluate(representations, validation, seen, ranks).means

        training = self.trainer.start(
            model,
            users[usable],
            items[usable],
            random_negatives,
            streams,
            validate if len(dataset.valid) else None,
            self.evaluator.select,
        )
        if epochs is not None:
            training.max_epochs = epochs
        return training

    def assemble(self, dataset: Dataset, seed: int) -> Recommender:
        """The untrained model on ``dataset``.

        Raises:
            ConfigError: The parts do not fit one another or the data set.
            DataError: No user has an unseen item.
        """
        self.evaluator.check(dataset.n_items)
        streams = Streams(seed, self.device)
        return self._assemble(dataset, *self._train_pairs(dataset), streams)

    def _train_pairs(self, dataset: Dataset) -> tuple[Tensor, Tensor, RandomNegatives]:
        users = torch.from_numpy(dataset.train.users).to(self.device)
        items = torch.from_numpy(dataset.train.items).to(self.device)
        seen = ItemsByUser(users, items, dataset.n_users, dataset.n_items)
        negatives = RandomNegatives(seen, torch.unique(items))
        if bool(negatives.exhausted(users).all()):
            raise DataError(
                f"every user of data set '{dataset.name}' has seen every training item, so there "
                "is no negative to learn from",
                hint="add items or users",
            )
        return users, items, negatives

    def _assemble(
        self,
        dataset: Dataset,
        users: Tensor,
        items: Tensor,
        random_negatives: RandomNegatives,
        streams: Streams,
        probe: NegativeProbe | None = None,
        ranks: Ranks = ALONE,
    ) -> Recommender:
        """Build every part once, in order, each from its own random stream."""
        projector = self.projector(
            dataset.features, self.dim, streams.generator("projector"), self.device
        )
        backbone = self.backbone(
            World(
                dataset,
                users,
                items,
                self.dim,
                projector,
                self.engine,
                streams.generator("backbone"),
                self.device,
            )
        )
        _check_weights(backbone)
        aligner: DiffusionAligner | None = None
        if self.aligner is not None:
            _check_fusion(backbone, dataset)
            aligner = self.aligner(self.dim, projector, streams.generator("aligner"), self.device)
        pools: DiffusionPools | None = None
        if self.pools is not None:
            if aligner is None:
                raise ConfigError(
                    "pools need an aligner, as NDI reads DMA's reverse steps",
                    keys=("Experiment.pools", "Experiment.aligner"),
                    hint="add module 'dma' or drop 'ndi'",
                )
            pools = self.pools(aligner.diffusion.steps)
        sampler = None
        if self.sampler is not None:
            sampler = self.sampler(
                SamplerWorld(
                    random_negatives.seen,
                    random_negatives.catalogue,
                    torch.bincount(items, minlength=dataset.n_items),
                    len(pools) if pools is not None else 0,
                    random_negatives,
                    streams.generator("sampler"),
                )
            )
            _check_sampler(sampler, backbone, pools)
        cold_items = self._place_cold_items(backbone, dataset, with_dma=aligner is not None)
        return Recommender(
            backbone,
            aligner,
            pools,
            sampler,
            self.losses,
            streams,
            probe,
            random_negatives.seen,
            cold_items,
            ranks,
        )

    def _place_cold_items(
        self, backbone: Backbone, dataset: Dataset, *, with_dma: bool
    ) -> ColdItems | None:
        """What places new items, or else those without interactions where a variant wants it."""
        if not dataset.n_new_items and self.cold_items is None:
            return None
        cold = dataset.train_per_item == 0
        keys: tuple[str, ...] = ("Experiment.cold_items", "Experiment.backbone")
        if dataset.n_new_items:  # the others without interactions are where training placed them
            cold[: dataset.n_items - dataset.n_new_items] = False
            keys = ("--new-items",)
        refuse_no_features(backbone, dataset, with_dma=with_dma, keys=keys)
        place = self.cold_items if self.cold_items is not None else BY_DEFAULT
        ids = torch.from_numpy(np.flatnonzero(cold)).to(self.device)
        return place(backbone, dataset, self.engine, ids)


def _check_weights(backbone: Backbone) -> None:
    for name, weights in backbone.named_parameters():
        if not bool(weights.isfinite().all()):
            raise ConfigError(
                f"{type(backbone).__name__} left '{name}' without initial weights",
                keys=(type(backbone).__name__,),
                hint=f"fill it in __init__, for example by xavier_uniform(self.{name}, world.rng)",
            )


def _check_fusion(backbone: Backbone, dataset: Dataset) -> None:
    misfit = backbone.misfit(fusion=True)
    if misfit:
        raise ConfigError(
            f"{type(backbone).__name__} {misfit}",
            keys=("Experiment.backbone", "Experiment.aligner"),
            hint="drop module 'dma' or choose a backbone such as FREEDOM",
        )
    if not dataset.features:
        raise ConfigError(
            f"DMA aligns items with their modalities, and data set '{dataset.name}' has none",
            keys=("Experiment.aligner",),
            hint="name its features in the data set's gin file, or drop module 'dma'",
        )


def _check_sampler(sampler: Sampler, backbone: Backbone, pools: DiffusionPools | None) -> None:
    misfit = sampler.misfit(type(backbone))
    if misfit:
        others = ", or to one that 'ccd list --matrix' marks" * backbone.trains_on_negatives
        raise ConfigError(
            f"{type(backbone).__name__} {misfit}",
            keys=("Experiment.backbone", "Experiment.sampler"),
            hint=f"set Experiment.sampler = None{others}",
        )
    if sampler.needs_pools and pools is None:
        raise ConfigError(
            f"{type(sampler).__name__} needs pools, as it reads NDI's reverse steps",
            keys=("Experiment.sampler", "Experiment.pools"),
            hint="add the modules 'dma' and 'ndi', or choose another Experiment.sampler",
        )


def _device(name: str) -> torch.device:
    if name.partition(":")[0] not in ("cpu", "cuda"):
        raise ConfigError(
            "Experiment.device must be 'cpu', 'cuda' or 'cuda:N'",
            keys=("Experiment.device",),
            found=f"'{name}'",
        )
    try:
        device = torch.device(name)
        if device.type == "cuda":
            torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ResourceError(
            f"this machine has no device '{name}': {reason(error)}",
            keys=("Experiment.device",),
            hint="set Experiment.device = 'cpu'",
        ) from error
    return device

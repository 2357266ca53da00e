"""The training loop: batches, optimiser, reverse sampling, validation, early stopping."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import torch
from torch import Tensor

from ccd.backbones.base import Batch, Representations
from ccd.errors import NumericError
from ccd.negative_source import NegativeSource
from ccd.negatives.base import RandomNegatives
from ccd.registry import component
from ccd.settings import REQUIRED, PositiveFloat, PositiveFraction, PositiveInt, Slot
from ccd.training.early_stopping import EarlyStopping, StoppingFactory
from ccd.training.optimizers import OptimizerFactory
from ccd.training.random import Streams
from ccd.training.recommender import Recommender
from ccd.training.updates import Terms, UpdateFactory


@dataclass
class Epoch:
    """What one epoch did: loss terms, wall seconds by part, validation metrics.

    ``settled_epoch`` is the first epoch from which the negative sampler no longer changes,
    ``source`` is where its hard negatives came from, ``negatives`` what a probe measured of them.
    """

    index: int
    source: NegativeSource
    losses: dict[str, float]
    seconds: dict[str, float]
    valid: dict[str, float] | None
    stopping: EarlyStopping
    settled_epoch: int
    negatives: dict[str, float] | None = None


@dataclass
class Trained:
    """The best epoch's state: its number, metrics, representations and weights.

    ``sample`` is DMA's of all items ``[n_items, dim]``, which the representations are fused with;
    None without DMA.
    """

    best_epoch: int
    epochs: int
    valid: dict[str, float]
    representations: Representations
    weights: dict[str, Tensor]
    seconds: dict[str, float]
    sample: Tensor | None = None


@component("trainer")
class Trainer:
    """Trains on shuffled triplets and keeps the epoch with the best validation metric.

    Args:
        optimizer: Optimiser of all parameters.
        stopping: When to stop.
        update: What a batch does to the weights.
        epochs: Upper limit.
        batch_size: Triplets per step; the last batch may be smaller.
        learning_rate: Initial learning rate.
        diffusion_learning_rate: One of its own for DMA; None for the same.
        decay: The learning rate is multiplied by this every ``decay_every`` epochs, smoothly.
        decay_every: Epochs, see ``decay``.
        evaluate_every: Epochs between two validations.
    """

    def __init__(
        self,
        *,
        optimizer: OptimizerFactory = REQUIRED,
        stopping: StoppingFactory = REQUIRED,
        update: UpdateFactory = REQUIRED,
        epochs: PositiveInt = 1000,
        batch_size: PositiveInt = 2048,
        learning_rate: PositiveFloat = 1e-3,
        diffusion_learning_rate: PositiveFloat | None = None,
        decay: PositiveFraction = 1.0,
        decay_every: PositiveInt = 50,
        evaluate_every: PositiveInt = 1,
    ) -> None:
        update()  # wrong settings are refused before there is data
        self.optimizer, self.stopping, self.update = optimizer, stopping, update
        self.epochs, self.batch_size = epochs, batch_size
        self.learning_rate, self.diffusion_learning_rate = learning_rate, diffusion_learning_rate
        self.decay, self.decay_every, self.evaluate_every = decay, decay_every, evaluate_every

    def fit(
        self,
        model: Recommender,
        users: Tensor,
        items: Tensor,
        random_negatives: RandomNegatives,
        streams: Streams,
        validate: Callable[[Representations], dict[str, float]],
        select: str,
        on_epoch: Callable[[Epoch], None],
    ) -> Trained:
        """Train until early stopping or the epoch limit.

        Args:
            model: The recommender, trained in place.
            users: Users of the training pairs ``[n]``.
            items: Items of the training pairs ``[n]``.
            random_negatives: Draws the random negatives.
            streams: Random streams.
            validate: Validation metrics of given representations.
            select: Name of the metric that chooses the epoch.
            on_epoch: Called after each epoch.

        Raises:
            NumericError: A loss term or a score is not finite.
        """
        settled = model.sampler.settled_epoch(self.epochs) if model.sampler is not None else 0
        stopping = self.stopping(settled)
        optimizer, rates = self._optimizer(model)
        update = partial(self.update(), optimizer)
        order_rng, negative_rng = streams.generator("order"), streams.generator("negatives")
        seconds = dict.fromkeys(("train", "sample", "evaluate"), 0.0)
        best: Trained | None = None
        for epoch in range(self.epochs):
            clock = _Clock()
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * self.decay ** (epoch / self.decay_every)
            model.start_epoch(epoch)
            negatives = random_negatives.draw(users, negative_rng)
            order = torch.randperm(len(users), generator=order_rng, device=users.device)
            batches = self._batches(users[order], items[order], negatives[order])
            losses = self._train(model, update, batches, epoch)
            spent = {"train": clock.lap()}
            # In every epoch, evaluated or not: the next one's negatives come from these.
            model.reverse(epoch)
            spent["sample"] = clock.lap()
            representations = self._finite(model.infer(), epoch)
            valid = None
            if (epoch + 1) % self.evaluate_every == 0 or epoch + 1 == self.epochs:
                valid = validate(representations)
                if stopping.update(epoch, valid[select]):
                    weights = _copy(model.state_dict())
                    best = Trained(
                        epoch, epoch + 1, valid, representations, weights, seconds, model.sample
                    )
            spent["evaluate"] = clock.lap()
            for part, value in spent.items():
                seconds[part] += value
            source, measured = model.source(epoch), model.measure_negatives()
            on_epoch(Epoch(epoch, source, losses, spent, valid, stopping, settled, measured))
            if stopping.finished:
                break
        assert best is not None  # the last epoch is always evaluated
        best.epochs = epoch + 1
        return best

    def _finite(self, representations: Representations, epoch: int) -> Representations:
        # An epoch's last step may break the weights after its loss was taken, and ranking would
        # hide it. No score exceeds the product of the norms.
        if not bool((representations.users.norm() * representations.items.norm()).isfinite()):
            raise NumericError(
                f"scores are not finite after epoch {epoch}",
                keys=("Trainer.learning_rate",),
                hint=f"lower Trainer.learning_rate (now {self.learning_rate})",
            )
        return representations

    def _optimizer(self, model: Recommender) -> tuple[torch.optim.Optimizer, list[float]]:
        own = list(model.aligner.parameters()) if model.aligner is not None else []
        ids = {id(p) for p in own}
        groups: list[dict[str, Any]] = [
            {
                "params": [p for p in model.parameters() if id(p) not in ids],
                "lr": self.learning_rate,
            }
        ]
        if own:
            rate = self.diffusion_learning_rate or self.learning_rate
            groups.append({"params": own, "lr": rate})
        return self.optimizer(groups), [group["lr"] for group in groups]

    def _batches(self, users: Tensor, items: Tensor, negatives: Tensor) -> Iterator[Batch]:
        parts = (tensor.split(self.batch_size) for tensor in (users, items, negatives))
        return (Batch(*batch) for batch in zip(*parts, strict=True))

    def _train(
        self,
        model: Recommender,
        update: Callable[[Terms, int], dict[str, Tensor]],
        batches: Iterator[Batch],
        epoch: int,
    ) -> dict[str, float]:
        sums: dict[str, Tensor] = {}
        n_batches = 0
        for batch in batches:
            terms = update(partial(model.step, batch, epoch), n_batches)
            n_batches += 1
            for name, term in [*terms.items(), ("total", torch.stack(list(terms.values())).sum())]:
                sums[name] = sums.get(name, 0.0) + term
        losses = {name: (value / n_batches).item() for name, value in sums.items()}
        for name, value in losses.items():
            if not torch.isfinite(torch.tensor(value)):
                raise NumericError(
                    f"loss term '{name}' became {value} in epoch {epoch}",
                    keys=("Trainer.learning_rate",),
                    details=(f"terms: {losses}",),
                    hint=f"lower Trainer.learning_rate (now {self.learning_rate}) or the term's "
                    "weight",
                )
        return losses


class _Clock:
    """Wall seconds since the last lap; monotonic."""

    def __init__(self) -> None:
        self._last = time.perf_counter()

    def lap(self) -> float:
        now = time.perf_counter()
        self._last, spent = now, now - self._last
        return spent


def _copy(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in state.items()}


TrainerFactory = Annotated[Callable[[], Trainer], Slot("trainer")]

"""The training loop: batches, optimiser, reverse sampling, validation, early stopping."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import Annotated, Any

import torch
from torch import Tensor

from ccd.backbones.base import Batch, Representations
from ccd.collector import collector_paused
from ccd.errors import ConfigError, NumericError
from ccd.negatives.base import RandomNegatives
from ccd.registry import component
from ccd.settings import (
    REQUIRED,
    NonNegativeFloat,
    PositiveFloat,
    PositiveFraction,
    PositiveInt,
    Slot,
)
from ccd.state import (
    State,
    load_optimizer_state,
    load_state_of,
    moved,
    optimizer_state,
    state_of,
)
from ccd.training.doubts import suspects
from ccd.training.early_stopping import StoppingFactory
from ccd.training.epoch import Epoch, Trained
from ccd.training.optimizers import OptimizerFactory
from ccd.training.random import Streams
from ccd.training.recommender import Recommender
from ccd.training.updates import UpdateFactory

_BATCHES_AT_ONCE = 256


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
        l2_reg: L2 penalty of all weights against the loss summed over all training pairs: a step,
            whose loss is a mean, adds ``l2_reg / n_pairs`` to the optimiser's weight decay. So one
            value suits data sets of any size.
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
        l2_reg: NonNegativeFloat = 0.0,
        decay: PositiveFraction = 1.0,
        decay_every: PositiveInt = 50,
        evaluate_every: PositiveInt = 1,
    ) -> None:
        update()  # wrong settings are refused before there is data
        self.optimizer, self.stopping, self.update = optimizer, stopping, update
        self.epochs, self.batch_size = epochs, batch_size
        self.learning_rate, self.l2_reg = learning_rate, l2_reg
        self.decay, self.decay_every, self.evaluate_every = decay, decay_every, evaluate_every

    def start(
        self,
        model: Recommender,
        users: Tensor,
        items: Tensor,
        random_negatives: RandomNegatives,
        streams: Streams,
        validate: Callable[[Representations], dict[str, float]] | None,
        select: str,
    ) -> Training:
        """Training that is about to begin; iterate over it, or take its steps one by one.

        Args:
            model: The recommender, trained in place.
            users: Users of the training pairs ``[n]``.
            items: Items of the training pairs ``[n]``.
            random_negatives: Draws the random negatives.
            streams: Random streams.
            validate: Validation metrics of given representations; None to keep the last epoch.
            select: Name of the metric that chooses the epoch.
        """
        return Training(self, model, users, items, random_negatives, streams, validate, select)

    def parameter_groups(self, model: Recommender) -> list[dict[str, Any]]:
        """The model's parameters with their initial learning rate; DMA's are a group of their own.

        Args:
            model: The recommender.
        """
        own = list(model.aligner.parameters()) if model.aligner is not None else []
        ids = {id(p) for p in own}
        others = [p for p in model.parameters() if id(p) not in ids]
        groups: list[dict[str, Any]] = [{"params": others, "lr": self.learning_rate}]
        if own:
            groups.append({"params": own, "lr": self.learning_rate})
        return groups


class Training:
    """A training loop between two epochs.

    ``for epoch in training`` trains to the end, ``step`` one epoch. Whoever drives it may stop
    after any epoch: ``state`` then is all that the rest depends on, and a training that was built
    alike goes on from it, to the same numbers.

    Attributes:
        trainer: The settings.
        model: The recommender, trained in place, by its ``ranks`` together.
        optimizer: The optimiser of all parameters.
        rates: Initial learning rate of each of its parameter groups.
        update: What a batch does to the weights.
        stopping: Decides when to stop, and which epoch is the best.
        streams: Random streams; ``order_rng`` and ``negative_rng`` are two of them.
        learns: Whether the model has weights to train.
        max_epochs: The limit, at first the trainer's; 1 where there is nothing to train, only to
            evaluate.
        n_epochs: Number of epochs trained.
        seconds: Wall seconds spent, by part.
        best: The model at the best epoch so far; None before the first evaluation.
    """

    def __init__(
        self,
        trainer: Trainer,
        model: Recommender,
        users: Tensor,
        items: Tensor,
        random_negatives: RandomNegatives,
        streams: Streams,
        validate: Callable[[Representations], dict[str, float]] | None,
        select: str,
    ) -> None:
        self.trainer, self.model = trainer, model
        self._users, self._items, self._random_negatives = users, items, random_negatives
        self._validate, self._select = validate, select
        self.learns = any(p.requires_grad for p in model.parameters())
        self.max_epochs = trainer.epochs if self.learns else 1
        sampler = model.sampler
        self.settled_epoch = sampler.settled_epoch(trainer.epochs) if sampler is not None else 0
        self.stopping = trainer.stopping(self.settled_epoch)
        groups = trainer.parameter_groups(model)
        self.rates = [group["lr"] for group in groups]
        with collector_paused():  # the first optimiser of a process imports torch's compiler
            self.optimizer = trainer.optimizer(groups)
        model.ranks.reduce_before_steps(self.optimizer)
        if trainer.l2_reg:
            _add_decay(self.optimizer, trainer.l2_reg / len(users))
        self.update = trainer.update()
        self.streams = streams
        self.order_rng = streams.generator("order")
        self.negative_rng = streams.generator("negatives")
        self.n_epochs = 0
        self.seconds = dict.fromkeys(("train", "sample", "evaluate"), 0.0)
        self.best: Trained | None = None

    @property
    def finished(self) -> bool:
        """Whether the epoch limit or early stopping has ended training."""
        return self.stopping.finished or self.n_epochs >= self.max_epochs

    @property
    def trained(self) -> Trained:
        """The model at the best epoch so far.

        Raises:
            RuntimeError: No epoch has been evaluated yet.
        """
        if self.best is None:
            raise RuntimeError("no epoch has been evaluated yet, so there is no best one")
        return self.best

    def __iter__(self) -> Iterator[Epoch]:
        """Train epoch after epoch to the end; may be left and taken up again."""
        while not self.finished:
            yield self.step()

    def step(self) -> Epoch:
        """Train one more epoch, and validate where it is due.

        Raises:
            NumericError: A loss term or a score is not finite.
            RuntimeError: Training is finished.
        """
        if self.finished:
            raise RuntimeError(f"training is finished after {self.n_epochs} epochs")
        epoch, model, clock = self.n_epochs, self.model, _Clock()
        losses = self._train(epoch)
        model.place_cold_items()
        spent = {"train": clock.lap()}
        # In every epoch, evaluated or not: the next one's negatives come from these.
        model.reverse(epoch)
        spent["sample"] = clock.lap()
        representations = self._finite(model.infer(), epoch)
        valid = self._evaluate(representations, epoch)
        spent["evaluate"] = clock.lap()
        for part, value in spent.items():
            self.seconds[part] += value
        self.n_epochs += 1
        return Epoch(
            index=epoch,
            source=model.source(epoch),
            losses=losses,
            seconds=spent,
            valid=valid,
            best=self.stopping.best if self.stopping.best_epoch >= 0 else None,
            best_epoch=self.stopping.best_epoch if self.stopping.best_epoch >= 0 else None,
            patience_left=self.stopping.patience_left,
            settled_epoch=self.settled_epoch,
            negatives=model.measure_negatives(),
        )

    def try_out(self, n_steps: int | None) -> dict[str, float]:
        """Wall seconds by part of an epoch that takes ``n_steps`` only, to plan with.

        Unlike in ``step``, what is inferred is a part of its own: each epoch does it, validated or
        not.

        It is an epoch of the settled curriculum, with a validation. The model is another one
        afterwards, and training must not go on from it.

        Args:
            n_steps: Steps to take; None for all.
        """
        epoch, model, clock = max(1, self.settled_epoch), self.model, _Clock()
        model.reverse(epoch)  # first, as the steps draw their negatives from it
        spent = {"sample": clock.lap()}
        representations = self._finite(model.infer(), epoch)
        spent["infer"] = clock.lap()
        valid = self._validate(representations) if self._validate is not None else {}
        self._keep(epoch, valid, representations)
        spent["evaluate"] = clock.lap()
        self._train(epoch, n_steps)
        spent["train"] = clock.lap()
        return spent

    @property
    def n_steps(self) -> int:
        """Steps of an epoch."""
        return math.ceil(len(self._users) / self.trainer.batch_size)

    def state(self) -> State:
        """Everything between two epochs, in tensors that the next epoch changes."""
        best = self.best
        return {
            "n_epochs": self.n_epochs,
            "seconds": dict(self.seconds),
            "model": self.model.state(),
            "optimizer": optimizer_state(self.optimizer),
            "streams": self.streams.state(),
            "parts": state_of(self._parts),
            "best": None if best is None else best.state(),
        }

    def load_state(self, state: State) -> None:
        """Go on from where ``state`` was taken.

        Args:
            state: What it gave, on whatever device.
        """
        state = moved(state, self._users.device)
        self.n_epochs, self.seconds = state["n_epochs"], dict(state["seconds"])
        self.model.load_state(state["model"])
        load_optimizer_state(self.optimizer, state["optimizer"])
        self.streams.load_state(state["streams"])
        load_state_of(self._parts, state["parts"])
        self.best = None if state["best"] is None else Trained.from_state(state["best"])

    @property
    def _parts(self) -> dict[str, object]:
        """The parts, beside the model's, that may remember something."""
        return {"stopping": self.stopping, "update": self.update}

    def _train(self, epoch: int, limit: int | None = None) -> dict[str, float]:
        """Mean loss terms of an epoch's batches; none where there is nothing to train."""
        if not self.learns:
            return {}
        trainer, users = self.trainer, self._users
        for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
            group["lr"] = rate * trainer.decay ** (epoch / trainer.decay_every)
        self.model.start_epoch(epoch)
        negatives = self._random_negatives.draw(users, self.negative_rng)
        order = torch.randperm(len(users), generator=self.order_rng, device=users.device)
        sums: dict[str, Tensor] = {}
        n_batches = 0
        for batch in islice(self._batches(order, negatives), limit):
            forward = partial(self.model.step, batch, epoch)
            terms = self.update(self.optimizer, forward, n_batches)
            n_batches += 1
            for name, term in [*terms.items(), ("total", torch.stack(list(terms.values())).sum())]:
                sums[name] = sums.get(name, 0.0) + term
        totals = self.model.ranks.total(torch.stack(list(sums.values())))
        losses = {
            name: (total / n_batches).item() for name, total in zip(sums, totals, strict=True)
        }
        for name, value in losses.items():
            if not math.isfinite(value):
                suspected = suspects(self.model, self.optimizer)
                raise NumericError(
                    f"loss term '{name}' became {value} in epoch {epoch}",
                    keys=tuple(suspected),
                    details=(f"terms: {losses}",),
                    hint=f"{', or '.join(suspected.values())}, or the term's weight",
                )
        return losses

    def _batches(self, order: Tensor, negatives: Tensor) -> Iterator[Batch]:
        """The batches of an epoch, whose triplets are put in ``order [n]`` by large parts."""
        size = self.trainer.batch_size
        for part in order.split(_BATCHES_AT_ONCE * size):
            columns = (x[part].split(size) for x in (self._users, self._items, negatives))
            yield from map(Batch, *columns)

    def _evaluate(self, representations: Representations, epoch: int) -> dict[str, float] | None:
        """Validation metrics where they are due; the best epoch's model is kept."""
        last = epoch + 1 == self.max_epochs
        if self._validate is None:
            if last:
                self._keep(epoch, {}, representations)
            return None
        if not last and (epoch + 1) % self.trainer.evaluate_every:
            return None
        valid = self._validate(representations)
        if self.stopping.update(epoch, valid[self._select]):
            self._keep(epoch, valid, representations)
        return valid

    def _keep(self, epoch: int, valid: dict[str, float], representations: Representations) -> None:
        weights = {name: x.detach().clone() for name, x in self.model.state_dict().items()}
        self.best = Trained(epoch, valid, representations, weights, self.model.sample)

    def _finite(self, representations: Representations, epoch: int) -> Representations:
        # An epoch's last step may break the weights after its loss was taken, and ranking would
        # hide it. No score exceeds the product of the norms.
        if not bool((representations.users.norm() * representations.items.norm()).isfinite()):
            suspected = suspects(self.model, self.optimizer)
            raise NumericError(
                f"scores are not finite after epoch {epoch}",
                keys=tuple(suspected),
                hint=", or ".join(suspected.values()),
            )
        return representations


def _add_decay(optimizer: torch.optim.Optimizer, decay: float) -> None:
    """Raise the weight decay of all weights.

    Raises:
        ConfigError: The optimiser has none.
    """
    for group in optimizer.param_groups:
        if "weight_decay" not in group:
            raise ConfigError(
                f"Trainer.l2_reg needs an optimiser with a weight decay, which "
                f"{type(optimizer).__name__} does not have",
                keys=("Trainer.l2_reg", "Trainer.optimizer"),
                hint="set Trainer.l2_reg = 0.0 or take @adam",
            )
        group["weight_decay"] += decay


class _Clock:
    """Wall seconds since the last lap; monotonic."""

    def __init__(self) -> None:
        self._last = time.perf_counter()

    def lap(self) -> float:
        now = time.perf_counter()
        self._last, spent = now, now - self._last
        return spent


TrainerFactory = Annotated[Callable[[], Trainer], Slot("trainer")]

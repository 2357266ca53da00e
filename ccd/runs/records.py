"""What a run says about itself: one record per epoch, one result per finished (variant, seed)."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, Protocol

from pydantic import AfterValidator, Field

from ccd.negative_source import NegativeSource

_MANY = 10**9
"""No run has as many epochs; a larger number in a file is damage."""

Epoch = Annotated[int, Field(ge=0, le=_MANY)]
Epochs = Annotated[int, Field(ge=1, le=_MANY)]
Values = dict[str, Annotated[float, Field(allow_inf_nan=False)]]
"""Name to a finite number."""


def _with_total(losses: Values) -> Values:
    if losses and "total" not in losses:  # an epoch without training has none
        raise ValueError("'total' is missing")
    return losses


Losses = Annotated[Values, AfterValidator(_with_total)]


def _named(kind: str, values: Values | None) -> Values:
    return {f"{kind}/{name}": value for name, value in (values or {}).items()}


@dataclass(frozen=True)
class Plan:
    """What is about to run, in this order.

    Attributes:
        recipe: Name of the recipe.
        dataset: Name of the data set.
        runs: (variant, seed) pairs in the order of training.
        metric: The validation metric that selects the epoch, e.g. ``recall@20``.
        baseline: Variant that the others are compared with, or None.
        out: The run folder.
        variants: All variants of the recipe in its order, run now or not; the table's order.
    """

    recipe: str
    dataset: str
    runs: tuple[tuple[str, int], ...]
    metric: str
    baseline: str | None
    out: Path
    variants: tuple[str, ...] = ()


@dataclass(frozen=True)
class EpochRecord:
    """One finished epoch.

    Attributes:
        variant: Name of the variant.
        seed: Its seed.
        epoch: Counted from 0.
        max_epochs: The trainer's limit.
        losses: Mean of each loss term over the epoch's batches, ``total`` among them.
        source: Where this epoch's hard negatives came from.
        valid: Validation metrics, or None where this epoch was not evaluated.
        best: Best value of the selecting metric so far; None before the first evaluation.
        best_epoch: Epoch that reached it; None before the first evaluation.
        patience_left: Evaluations without an improvement that are still allowed.
        seconds: Wall seconds of ``train``, ``sample`` (reverse diffusion) and ``evaluate``.
        negatives: What ``Experiment.probe`` measured of the hard negatives, or None.
    """

    variant: str
    seed: int
    epoch: Epoch
    max_epochs: Epochs
    losses: Losses
    source: NegativeSource
    valid: Values | None
    best: float | None
    best_epoch: Epoch | None
    patience_left: int
    seconds: Values
    negatives: Values | None = None

    @property
    def measures(self) -> dict[str, float]:
        """All that was measured, as ``loss/total``, ``valid/recall@20`` or ``seconds/train``."""
        return {
            **_named("loss", self.losses),
            **_named("valid", self.valid),
            **_named("seconds", self.seconds),
            **_named("negatives", self.negatives),
        }

    def to_json(self) -> dict[str, Any]:
        """Plain values, as written to ``history.jsonl``."""
        return asdict(self)


@dataclass(frozen=True)
class RunResult:
    """One finished (variant, seed).

    Attributes:
        best_epoch: Epoch with the best validation metric; the test split was opened there, once.
        epochs: Epochs trained.
        valid: Validation metrics at the best epoch.
        test: Test metrics at the best epoch.
        seconds: Wall seconds of ``train``, ``sample``, ``evaluate`` and ``total``.
        peak_rss_mb: Largest resident memory of the process so far, in MB.
        max_epochs: The trainer's limit; 0 where nothing was to be trained.
        diverged: What stopped being finite after ``epochs`` epochs; None where nothing did.
        refit: Which run this is a refit of, so that it was trained on all data, for as many epochs
            as that one had at its best, and was not measured; None where it is none.
    """

    variant: str
    seed: int
    dataset: str
    best_epoch: Epoch
    epochs: Epochs
    valid: Values
    test: Values
    seconds: Values = field(default_factory=dict)
    peak_rss_mb: float = 0.0
    max_epochs: int = 0
    diverged: str | None = None
    refit: str | None = None

    def __repr__(self) -> str:
        if self.refit is not None:
            return f"<RunResult of {self.variant}, seed {self.seed}: {self.made}>"
        # A notebook shows this; all metrics would fill its screen.
        first = ", ".join(f"{name} {value:.4f}" for name, value in [*self.test.items()][:3])
        more = ", ..." if len(self.test) > 3 else ""
        return f"<RunResult of {self.variant}, seed {self.seed}: test {first}{more}>"

    @property
    def measures(self) -> dict[str, float]:
        """Its metrics, as ``valid/recall@20`` and ``test/recall@20``."""
        return {**_named("valid", self.valid), **_named("test", self.test)}

    @property
    def made(self) -> str:
        """Which model this is, for people: that of an epoch, or a refit on all data."""
        if self.refit is not None:
            return f"refit on all data, {self.epochs} epochs, not measured"
        return f"model of epoch {self.best_epoch}"

    def to_json(self) -> dict[str, Any]:
        """Plain values, as written to ``results.jsonl``."""
        return asdict(self)


class Observer(Protocol):
    """Whoever wants to know how a run goes: a live display, plain lines, JSON lines."""

    def started(self, plan: Plan) -> None:
        """Called once, before anything is trained."""

    def note(self, message: str) -> None:
        """Something the user should read: data that was corrected, an engine that was chosen."""

    def epoch(self, record: EpochRecord) -> None:
        """Called after each epoch."""

    def finished(self, result: RunResult, *, skipped: bool) -> None:
        """Called per (variant, seed); ``skipped`` says it was found finished in the folder."""

    def closed(self) -> None:
        """Called once at the end, also after an error or Ctrl-C."""


class SilentObserver:
    """An observer that shows nothing: the default of the Python interface."""

    def started(self, plan: Plan) -> None:
        """Show nothing."""

    def note(self, message: str) -> None:
        """Show nothing."""

    def epoch(self, record: EpochRecord) -> None:
        """Show nothing."""

    def finished(self, result: RunResult, *, skipped: bool) -> None:
        """Show nothing."""

    def closed(self) -> None:
        """Show nothing."""

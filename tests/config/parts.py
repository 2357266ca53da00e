"""Components that the config tests wire; their families are their own, so no contract meets them.

Plain gin registers the same functions in ``test_oracle.py``. Each part returns what it was given.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator

from ccd.errors import ConfigError
from ccd.registry import component
from ccd.settings import REQUIRED, Fraction, PositiveFloat, PositiveInt, Slot, Text

Schedule = Annotated[Callable[..., Any], Slot("demo_schedule")]
Diffusion = Annotated[Callable[..., Any], Slot("demo_diffusion")]
Dataset = Annotated[Callable[..., Any], Slot("demo_dataset")]
Loss = Annotated[Callable[..., Any], Slot("demo_loss")]


def _falling(values: tuple[float, ...]) -> tuple[float, ...]:
    if list(values) != sorted(values, reverse=True):
        raise ValueError("fractions that fall from easy to hard")
    return values


@component("demo_schedule")
def demo_linear(steps: int, *, start: PositiveFloat = 1e-4, end: PositiveFloat = 0.02) -> Any:
    """Straight line from start to end."""
    if steps == 13:
        raise ConfigError(
            f"demo_linear.start = {start} is unlucky",
            keys=("demo_linear.start",),
            hint="choose other steps",
        )
    return ("demo_linear", steps, start, end)


@component("demo_schedule")
def demo_cosine(steps: int, *, offset: Fraction = 0.008) -> Any:
    """A quarter of a cosine."""
    return ("demo_cosine", steps, offset)


@component("demo_diffusion")
def demo_diffusion(*, steps: PositiveInt = 20, betas: Schedule = REQUIRED) -> Any:
    """A process with a schedule."""
    return ("demo_diffusion", steps, betas(steps))


@component("demo_dataset")
def demo_files(*, name: Text = REQUIRED, modalities: dict[str, str] | None = None) -> Any:
    """A data set in files."""
    return ("demo_files", name, modalities)


@component("demo_dataset")
def demo_world(*, n_users: PositiveInt = 50) -> Any:
    """A generated data set without a setting called name."""
    return ("demo_world", n_users)


@component("demo_loss")
def demo_bpr(*, weight: float = 1.0) -> Any:
    """A pairwise loss."""
    return ("demo_bpr", weight)


@component("demo_loss")
def demo_denoising(*, weight: float = 1.0, norm: Literal["l1", "l2"] = "l2") -> Any:
    """A loss of the diffusion."""
    return ("demo_denoising", weight, norm)


@component("demo_loss")
def demo_nested(*, inner: Loss | None = None) -> Any:
    """A loss around another."""
    return ("demo_nested", inner() if inner else None)


@component("demo_experiment")
class DemoExperiment:
    """The root of the test graphs."""

    def __init__(
        self,
        *,
        dataset: Dataset = REQUIRED,
        diffusion: Diffusion | None = None,
        losses: tuple[Loss, ...] = (),
        named_losses: dict[str, Loss] | None = None,
        fractions: Annotated[tuple[Fraction, ...], AfterValidator(_falling)] = (0.75, 0.5),
        width: PositiveInt | None = None,
        plain: int = 3,
        seed: int = 1,
        title: str = "",
    ) -> None:
        self.dataset = dataset()
        self.diffusion = diffusion() if diffusion else None
        self.losses = tuple(loss() for loss in losses)
        self.named_losses = {k: loss() for k, loss in (named_losses or {}).items()}
        self.settings = (fractions, width, plain, seed, title)

    def as_tuple(self) -> Any:
        """Everything that was built and given, comparable."""
        return (self.dataset, self.diffusion, self.losses, self.named_losses, self.settings)

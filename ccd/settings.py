"""Types of settings: a signature says what a recipe may write, and pydantic checks it.

A component's keyword-only parameters with defaults are its settings. Their annotations are read by
``ccd.config`` before anything is loaded, so a wrong type or an out-of-range number is refused with
the file and line that set it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field


class _Required:
    """Type of ``REQUIRED``; its own class so that it prints well."""

    def __repr__(self) -> str:
        return "REQUIRED"


REQUIRED: Final[Any] = _Required()
"""Default of a setting that has none: a recipe must bind it."""


@dataclass(frozen=True)
class Slot:
    """Marks a setting that takes a component of ``family``, written ``@name`` in gin.

    The consumer receives a callable with the component's settings filled in, and calls it with the
    run-time arguments.
    """

    family: str


@dataclass(frozen=True)
class HowItRuns:
    """Marks a setting of how a run is computed or shown, which cannot change what is learned.

    Threads, devices and sizes of blocks are such settings, up to rounding, and so are names that
    are only shown. They are no part of a run's identity (``ccd.config.identity``): a run may be
    continued with others.
    """


HOW_IT_RUNS: Final = HowItRuns()

LARGEST_INT: Final = 2**31 - 1
"""What every library below can count to, seeds and threads too."""


def _countable(value: Any) -> Any:
    if isinstance(value, int) and value > LARGEST_INT:
        raise ValueError(f"a whole number up to {LARGEST_INT}")
    return value


PositiveInt = Annotated[int, Field(strict=True, ge=1), BeforeValidator(_countable)]
NonNegativeInt = Annotated[int, Field(strict=True, ge=0), BeforeValidator(_countable)]
FiniteFloat = Annotated[float, Field(strict=True, allow_inf_nan=False)]
PositiveFloat = Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)]
NonNegativeFloat = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(strict=True, ge=0, le=1)]
"""A share in [0, 1]."""
OpenFraction = Annotated[float, Field(strict=True, gt=0, lt=1)]
"""A share strictly between 0 and 1."""
ProperFraction = Annotated[float, Field(strict=True, ge=0, lt=1)]
"""A share in [0, 1)."""
PositiveFraction = Annotated[float, Field(strict=True, gt=0, le=1)]
"""A share in (0, 1]."""
Flag = Annotated[bool, Field(strict=True)]
Text = Annotated[str, Field(strict=True, min_length=1)]

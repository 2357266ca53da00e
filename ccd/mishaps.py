"""What goes wrong while variants are trained, told with the variant and what to do about it."""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import ccd
from ccd.blocks import is_out_of_memory
from ccd.errors import (
    CcdError,
    ConfigError,
    NumericError,
    Place,
    ResourceError,
    reason,
    refusing_exit,
)
from ccd.registry import components
from ccd.runs.records import RunResult


@contextmanager
def enough_memory(doing: str) -> Iterator[None]:
    """Turn an allocation that failed in the block into one refusal that says what to lower.

    Raises:
        ResourceError: The memory of the machine or of the device does not suffice.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise ResourceError(
            f"not enough memory while {doing}: {reason(error)}",
            keys=(
                "UNetEstimator.kept_rows", "Experiment.device", "Experiment.dim",
                "Trainer.batch_size",
            ),
            hint="end other programs, with a U-Net lower UNetEstimator.kept_rows or, where a GPU "
            "is too small, set Experiment.device = 'cpu', and go on in the same run folder; "
            "Experiment.dim and Trainer.batch_size change what is learned, so lower them with a "
            "new --out",
        ) from error  # fmt: skip


def place_of(variant: str, seed: int | None = None) -> str:
    """What a refusal says that something happened in."""
    return f"variant '{variant}'" + ("" if seed is None else f", seed {seed}")


@contextmanager
def in_variant(name: str, seed: int | None = None) -> Iterator[None]:
    """Say which variant's parts do not fit or end the program, or whose numbers broke.

    Raises:
        CcdError: One of them raised ``SystemExit``.
        ConfigError: They do not fit, or a part of the user's own raised an error.
        NumericError: They broke.
    """
    place = place_of(name, seed)
    try:
        with refusing_exit(place):
            yield
    except (ConfigError, NumericError) as error:
        raise error.within(place) from error
    except CcdError:
        raise
    except Exception as error:
        own = _own_part_in(error)
        if own is None:
            raise
        raise ConfigError(
            "a part of your own failed",
            where=own,
            found=f"{type(error).__name__}: {reason(error)}",
            hint="'ccd check PART' tries it alone, CCD_DEBUG=1 shows what led there",
        ).within(place) from error


def _own_part_in(error: Exception) -> Place | None:
    """The last line of a user's module that an error came through; None where there is none."""
    if os.environ.get("CCD_DEBUG"):
        return None
    modules = {component.target.__module__ for component in components()}
    own = {name for name in modules if name.partition(".")[0] != ccd.__name__}
    found = None
    for frame, line in traceback.walk_tb(error.__traceback__):
        if frame.f_globals.get("__name__") in own:
            found = Place(frame.f_code.co_filename, line)
    return found


def refuse_diverged(
    results: Sequence[RunResult], broken: Mapping[tuple[str, int], NumericError]
) -> None:
    """Say which runs diverged, once all are over.

    Args:
        results: What was trained or found; those that diverged have their best epoch.
        broken: What became of those that diverged now, and may have none.

    Raises:
        NumericError: There are some.
    """
    found = dict(broken)
    for result in results:
        if result.diverged is not None:
            run = (result.variant, result.seed)
            error = broken.get(run) or NumericError(result.diverged).within(place_of(*run))
            kept = f"its best epoch, {result.best_epoch}, is kept and marked in the table"
            hint = "; ".join(filter(None, (kept, error.hint)))
            found[run] = NumericError(
                error.what, where=error.where, keys=error.keys, details=error.details, hint=hint
            )
    number = len({*found, *((result.variant, result.seed) for result in results)})
    if number == 1 and found:
        raise next(iter(found.values()))
    if found:
        raise NumericError(
            f"{len(found)} of {number} runs diverged",
            mistakes=[*found.values()],
            hint="the others are complete" if len(found) < number else "",
        )

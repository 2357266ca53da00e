"""How a study went: what each trial reached, and the best so far."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

from ccd.errors import ConfigError
from ccd.figures.style import COLOURS, GREY, above_right, new_figure, tidy, whole_numbers

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ccd.search.summary import Ended


def draw_history(ended: Sequence[Ended], metric: str) -> Figure:
    """A mark per trial, by its place in the budget, and a line along the best so far.

    Args:
        ended: Trials that have ended; those without a value are left out.
        metric: What is searched for, such as ``recall@20``.

    Raises:
        ConfigError: No trial has a value.
    """
    valued = sorted((t for t in ended if t.value is not None), key=lambda t: t.slot)
    if not valued:
        raise ConfigError("no trial of the study has a value")
    figure = new_figure(7.4, 3.6)
    axes = figure.subplots()
    for state, mark, colour in (("complete", "o", COLOURS[0]), ("pruned", "x", GREY)):
        points = [(t.slot, t.value) for t in valued if t.state == state]
        if points:
            axes.plot(*zip(*points, strict=True), mark, color=colour, ms=5, label=state)
    complete = [(t.slot, t.value or 0.0) for t in valued if t.state == "complete"]
    best = list(accumulate((value for _, value in complete), max))
    slots = [slot for slot, _ in complete]
    axes.step(slots, best, where="post", color=COLOURS[1], lw=1.4, label="best so far")
    tidy(axes, x="trial", y=f"validation {metric}")
    above_right(axes, 3)
    whole_numbers(axes)
    return figure

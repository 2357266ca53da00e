"""Where the seconds of each variant go."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ccd.figures.style import COLOURS, new_figure, tidy, wrapped
from ccd.runs.records import RunResult

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PARTS = {
    "train": "training steps",
    "sample": "reverse diffusion",
    "evaluate": "validation",
    "rest": "rest: building, test",
}
_HATCHES = ("", "//", "..", "xx")


def draw_cost(results: Sequence[RunResult]) -> Figure:
    """Seconds per run and per epoch by part, mean over seeds.

    Args:
        results: At least one finished run.
    """
    variants = list(dict.fromkeys(result.variant for result in results))
    figure = new_figure(8.6, 1.7 + 0.42 * len(variants))
    panels = figure.subplots(1, 2, sharey=True)
    for panel, per_epoch in zip(panels, (False, True), strict=True):
        left = [0.0] * len(variants)
        for index, (part, label) in enumerate(_PARTS.items()):
            if per_epoch and part == "rest":  # it is spent once per run
                continue
            means = [
                statistics.fmean(
                    _seconds(result, part) / (result.epochs if per_epoch else 1)
                    for result in results
                    if result.variant == variant
                )
                for variant in variants
            ]
            # Hatching tells the parts apart in black and white.
            look = {"color": COLOURS[index], "edgecolor": "white", "hatch": _HATCHES[index]}
            panel.barh(
                range(len(variants)), means, left=left, height=0.66, label=label, lw=0.5, **look
            )
            left = [a + b for a, b in zip(left, means, strict=True)]
        for place, total in enumerate(left):
            panel.text(total, place, f" {total:.3g} s", va="center", fontsize=8)
        panel.set_xlim(0, 1.22 * max(left) or 1)
        tidy(panel, "seconds per epoch" if per_epoch else "seconds per run", x="seconds")
        panel.tick_params(axis="y", length=0)
    panels[0].set_yticks(range(len(variants)), [wrapped(name, 26, 2) for name in variants])
    panels[0].invert_yaxis()
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower left", ncols=4, fontsize=8, frameon=False)
    figure.suptitle(
        f"{results[0].dataset}: seconds, mean over seeds", fontsize=11, x=0.01, ha="left"
    )
    return figure


def _seconds(result: RunResult, part: str) -> float:
    if part != "rest":
        return result.seconds.get(part, 0.0)
    known = sum(result.seconds.get(name, 0.0) for name in ("train", "sample", "evaluate"))
    return max(0.0, result.seconds.get("total", known) - known)

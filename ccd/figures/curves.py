"""Training curves: the validation metric and the loss over epochs, pool switches marked."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ccd.figures.style import COLOURS, DASHES, new_figure, tidy, whole_numbers
from ccd.negative_source import NegativeSource
from ccd.runs.records import EpochRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw_curves(history: Sequence[EpochRecord], metric: str) -> Figure:
    """One line per run, one colour per variant; a mark where the negatives' source changes.

    Args:
        history: Epochs of at least one run.
        metric: Validation metric, such as ``recall@20``.
    """
    figure = new_figure(7.4, 6.2)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    variants = list(dict.fromkeys(record.variant for record in history))
    for index, variant in enumerate(variants):
        style = {
            "color": COLOURS[index % len(COLOURS)],
            # Another dash at each turn of the colours, so that no two variants look the same.
            "linestyle": DASHES[(index + index // len(COLOURS)) % len(DASHES)],
        }
        seeds = dict.fromkeys(r.seed for r in history if r.variant == variant)
        for place, seed in enumerate(seeds):
            run = [r for r in history if (r.variant, r.seed) == (variant, seed)]
            label = variant if place == 0 else None
            _draw_run(upper, lower, run, metric, style, label=label, first=place == 0)
    tidy(upper, f"validation {metric}", y=metric)
    tidy(lower, "training loss (sum of its terms)", x="epoch", y="loss")
    whole_numbers(lower)
    figure.legend(*upper.get_legend_handles_labels(), loc="outside lower left", fontsize=8,
                  frameon=False, ncols=1 + (len(variants) > 3))  # fmt: skip
    words = (
        "bold: first seed, thin: the others; star: best epoch; tick with a name: from here on, "
        "hard negatives come from there"
    )
    figure.suptitle(words, fontsize=8, color="#444444", x=0.01, ha="left")
    return figure


def switches(run: Sequence[EpochRecord]) -> list[tuple[int, NegativeSource]]:
    """Epochs at which the source of a run's negatives changes, with the new source."""
    return [(now.epoch, now.source) for before, now in pairwise(run) if before.source != now.source]


def _draw_run(
    upper: Axes,
    lower: Axes,
    run: Sequence[EpochRecord],
    metric: str,
    style: dict[str, Any],
    *,
    label: str | None,
    first: bool,
) -> None:
    values = {r.epoch: r.valid[metric] for r in run if r.valid and metric in r.valid}
    if not values:
        return
    style = {**style, "lw": 1.6 if first else 0.8, "alpha": 1.0 if first else 0.5}
    upper.plot(list(values), list(values.values()), label=label, **style)
    best = max(values, key=lambda epoch: values[epoch])
    upper.plot(best, values[best], "*", color=style["color"], ms=9, mec="white", mew=0.6)
    lower.plot([r.epoch for r in run], [r.losses["total"] for r in run], **style)
    if not first:
        return
    for epoch, source in switches(run):
        near = values.get(epoch)
        if near is None:
            continue
        upper.plot(epoch, near, "|", color=style["color"], ms=11, mew=1.4)
        upper.annotate(
            source.short_label, (epoch, near), xytext=(1, -13), fontsize=7,
            textcoords="offset points", color=style["color"],
        )  # fmt: skip

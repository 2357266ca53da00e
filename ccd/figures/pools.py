"""How hard the negatives of each pool are, over the epochs of one run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ccd.errors import ConfigError
from ccd.figures.style import (
    COLOURS,
    GREY,
    above_right,
    new_figure,
    ramp,
    single,
    tidy,
    whole_numbers,
)
from ccd.runs.history import MEASURES, stages
from ccd.runs.records import EpochRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PANELS = {"positive": "the positive item", "user": "the user"}


def draw_pools(run: Sequence[EpochRecord], title: str) -> Figure:
    """Similarity of hard and random negatives to positives and users; false ones and gradient.

    Args:
        run: Epochs of one run.
        title: Names the run.

    Raises:
        ConfigError: The run recorded nothing of its negatives.
    """
    seen = [record for record in run if set(MEASURES) <= set(record.negatives or ())]
    if not seen:
        raise ConfigError(
            f"{title} recorded nothing of its hard negatives: it has none that are items, or was "
            "trained with Experiment.probe = None or a probe of one's own",
            keys=("Experiment.probe",),
            hint="train it with Experiment.probe = @NegativeProbe and a new --out",
        )
    figure = new_figure(7.4, 7.2)
    axes = figure.subplots(3, 1, sharex=True, height_ratios=(3, 3, 2))
    for panel, (to, words) in zip(axes, _PANELS.items(), strict=False):
        _draw_similarity(panel, seen, to)
        tidy(panel, f"cosine of negatives to {words}", y="cosine")
    epochs = [record.epoch for record in seen]
    for index, (key, label) in enumerate(
        {
            "hard_gradient": "of the gradient",
            "hard_repeats": "repeated",
            "hard_false": "validation positives",
        }.items()
    ):
        values = [100 * value for value in _measured(seen, key)]
        line = ("-", "--", ":")[index]
        axes[2].plot(epochs, values, line, color=COLOURS[index], label=label, lw=1.5,
                     marker=single(epochs), ms=4)  # fmt: skip
    tidy(axes[2], "share of hard negatives", x="epoch", y="per cent")
    whole_numbers(axes[2])
    axes[2].set_ylim(-3, 103)
    above_right(axes[2], 3)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower left", fontsize=8,
                  frameon=False, ncols=4)  # fmt: skip
    figure.suptitle(
        f"{title}\nline: median, band: 10 to 90 %, in the representations of the epoch's end",
        fontsize=9, x=0.01, ha="left",
    )  # fmt: skip
    return figure


def _draw_similarity(axes: Axes, seen: Sequence[EpochRecord], to: str) -> None:
    epochs = [record.epoch for record in seen]
    low, middle, high = _quantiles(seen, f"random_to_{to}")
    _draw_band(axes, epochs, low, high, GREY, 0.18)
    axes.plot(epochs, middle, "--", color=GREY, lw=1.2, label="random", marker=single(epochs))
    parts = stages(seen)
    sources = list(dict.fromkeys(source for source, _ in parts))
    colours = dict(zip(sources, ramp(len(sources)), strict=True))
    labelled = set()
    for source, part in parts:
        # The last epoch of a source is joined to the first of the next one.
        after = [r for r in seen if r.epoch > part[-1].epoch][:1]
        drawn = [*part, *after]
        low, middle, high = _quantiles(drawn, f"hard_to_{to}")
        x = [record.epoch for record in drawn]
        _draw_band(axes, x, low, high, colours[source], 0.3)
        label = None if source in labelled else f"hard: {source.label}"
        axes.plot(x, middle, color=colours[source], lw=2, label=label, marker="o", ms=2.5)
        labelled.add(source)
        if part[0].epoch > epochs[0]:
            axes.axvline(part[0].epoch, color=GREY, lw=0.6, ls=":")


def _draw_band(
    axes: Axes, x: list[int], low: list[float], high: list[float], colour: str, alpha: float
) -> None:
    if len(x) == 1:  # an area of no width cannot be seen
        axes.vlines(x, low, high, color=colour, alpha=alpha, lw=8)
    else:
        axes.fill_between(x, low, high, color=colour, alpha=alpha, lw=0)


def _quantiles(records: Sequence[EpochRecord], key: str) -> tuple[list[float], ...]:
    return tuple(_measured(records, f"{key}_{q}") for q in (10, 50, 90))


def _measured(records: Sequence[EpochRecord], key: str) -> list[float]:
    """One measure of the probe, epoch by epoch."""
    return [record.negatives[key] for record in records if record.negatives]

"""Figure 5: the negatives of each pool around a user and a positive item, by t-SNE."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ccd.figures.style import COLOURS, GREY, MARKERS, above_right, new_figure, ramp, tidy, wrapped
from ccd.figures.tsne import tsne
from ccd.negative_source import NegativeSource

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class Scene(NamedTuple):
    """One user with a positive item and negatives.

    Attributes:
        user: Final representation ``[dim]``.
        positive: Final representation ``[dim]``.
        negatives: Source, easy to hard, to the final representations of what was drawn
            ``[n, dim]``.
        background: Other items' final representations ``[m, dim]``.
        names: The user and the positive item, for people.
    """

    user: np.ndarray
    positive: np.ndarray
    negatives: Mapping[NegativeSource, np.ndarray]
    background: np.ndarray
    names: tuple[str, str]


def draw_negatives(scenes: Sequence[Scene], title: str) -> Figure:
    """One column per scene: the plane above, the cosines that it stands for below.

    Args:
        scenes: At least one, of the same pools.
        title: Names the run.
    """
    figure = new_figure(4.6 * len(scenes), 7.6)
    panels = figure.subplots(2, len(scenes), squeeze=False, height_ratios=(3, 2))
    for column, scene in enumerate(scenes):
        upper, lower = panels[0][column], panels[1][column]
        _draw_plane(upper, scene)
        tidy(upper, f"user {scene.names[0]}, item {scene.names[1]}")
        upper.set_xticks([])
        upper.set_yticks([])
        _draw_cosines(lower, scene)
        tidy(lower, "", y="cosine, all dimensions")
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower left", ncols=4, fontsize=8, frameon=False)
    figure.suptitle(wrapped(title, int(14 * 4.6 * len(scenes))), fontsize=10, x=0.01, ha="left")
    return figure


def _draw_plane(axes: Axes, scene: Scene) -> None:
    parts = [scene.user[None], scene.positive[None], *scene.negatives.values(), scene.background]
    edges = np.cumsum([len(part) for part in parts])[:-1]
    user, positive, *negatives, background = np.split(tsne(np.concatenate(parts)), edges)
    axes.plot(*background.T, ".", color=GREY, ms=2, alpha=0.4, label="other items")
    colours = ramp(len(negatives))
    for index, (source, rows) in enumerate(zip(scene.negatives, negatives, strict=True)):
        axes.plot(
            *rows.T, MARKERS[index % len(MARKERS)], color=colours[index], ms=5, mec="#333333",
            mew=0.4, label=f"negatives: {source.label}",
        )  # fmt: skip
    axes.plot(*user.T, "*", color=COLOURS[1], ms=16, mec="black", mew=0.8, label="user")
    axes.plot(*positive.T, "P", color=COLOURS[4], ms=11, mec="black", mew=0.8, label="positive")


def _draw_cosines(axes: Axes, scene: Scene) -> None:
    """Median and middle half of the cosines to the positive and to the user, by pool."""
    for offset, (anchor, mark, word) in enumerate(
        [(scene.positive, "P", "to the positive"), (scene.user, "*", "to the user")]
    ):
        values = [_cosines(rows, anchor) for rows in scene.negatives.values()]
        places = [i + 0.2 * offset - 0.1 for i in range(len(values))]
        middle = [float(np.median(x)) for x in values]
        spread = np.array(
            [np.quantile(x, [0.25, 0.75]) - m for x, m in zip(values, middle, strict=True)]
        )
        axes.errorbar(
            places, middle, yerr=np.abs(spread.T), fmt=mark, color=COLOURS[(4, 1)[offset]], ms=9,
            mec="black", mew=0.6, capsize=3, lw=1.2, label=word,
        )  # fmt: skip
    axes.set_xticks(range(len(scene.negatives)), [source.label for source in scene.negatives])
    axes.tick_params(axis="x", rotation=20)
    above_right(axes, 2)


def _cosines(rows: np.ndarray, anchor: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(rows, axis=1) * np.linalg.norm(anchor)
    cosines: np.ndarray = rows @ anchor / np.maximum(lengths, 1e-12)
    return cosines

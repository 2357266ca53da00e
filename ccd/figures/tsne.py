"""Figure 4: users and their items in each modality's space, ID, aligned and fused, by t-SNE."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ccd.errors import ResourceError
from ccd.figures.number_table import draw_number_table, table_height
from ccd.figures.style import COLOURS, GREY, MARKERS, legend_label, new_figure, tidy, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class State(NamedTuple):
    """Representations of one moment of a model, all of one width.

    Attributes:
        users: The shown users ``[n_users, dim]``.
        items: Kind (a modality, ``ID``, ``aligned``, ``fused``) to the shown users' items
            ``[n_items, dim]``.
        background: Fused representations of other items ``[n, dim]``.
    """

    users: np.ndarray
    items: Mapping[str, np.ndarray]
    background: np.ndarray


def tsne(points: np.ndarray, seed: int = 0) -> np.ndarray:
    """Two dimensions for rows of length 1, neighbours kept (van der Maaten and Hinton 2008).

    Args:
        points: ``[n, dim]``; scaled to length 1, so that distance is that of cosines.
        seed: Of the layout.

    Raises:
        ResourceError: scikit-learn is not installed.
    """
    try:
        from sklearn.manifold import TSNE
    except ImportError as error:
        what = "t-SNE needs scikit-learn, which is not installed"
        raise ResourceError(what, hint="pip install 'ccdrec[figures]'") from error
    perplexity = min(30.0, (len(points) - 1) / 3)
    method = TSNE(2, perplexity=perplexity, init="pca", random_state=seed, max_iter=750)
    with warnings.catch_warnings():  # of points that are all alike, which are no mistake
        warnings.simplefilter("ignore")
        placed: np.ndarray = method.fit_transform(_units(points))
    return placed


def draw_tsne(
    states: Mapping[str, State], owners: np.ndarray, names: list[str], title: str
) -> Figure:
    """One panel per state: colours are users, marks are kinds of representation.

    The table below each panel has what t-SNE cannot show: by cosine in the full space, how close
    the users are to their own items and to each other's.

    Args:
        states: Title to state, of the same users and items.
        owners: Which of the shown users each item belongs to ``[n_items]``.
        names: The users.
        title: Names the run.
    """
    kinds = list(next(iter(states.values())).items)
    plane, table = 4.4, table_height(len(kinds))
    figure = new_figure(4.9 * len(states), plane + table + 1.2)
    figure.set_layout_engine("constrained", w_pad=0.12)
    panels, tables = figure.subplots(2, len(states), squeeze=False, height_ratios=(plane, table))
    for panel, below, (name, state) in zip(panels, tables, states.items(), strict=True):
        _draw_state(panel, state, owners)
        tidy(panel, name)
        panel.set_xticks([])
        panel.set_yticks([])
        draw_number_table(
            below,
            ("mean cosine of\nusers to", "their own\nitems", "the others'\nitems", "difference\n"),
            {
                kind: [f"{own:.2f}", f"{other:.2f}", f"{own - other:+.2f}"]
                for kind in kinds
                for own, other in [_cosines(state.users, state.items[kind], owners)]
            },
        )
    marks = [*((kind, MARKERS[i % len(MARKERS)]) for i, kind in enumerate(kinds)), ("user", "*")]
    handles = [
        panels[0].plot([], [], mark, color="black", mfc="none", ms=8, label=legend_label(kind))[0]
        for kind, mark in marks
    ]
    handles += [
        panels[0].plot([], [], "o", color=COLOURS[i % len(COLOURS)], label=f"user {name}")[0]
        for i, name in enumerate(names)
    ]
    figure.legend(handles=handles, loc="outside lower left", ncols=5, fontsize=8, frameon=False)
    figure.suptitle(wrapped(title, int(14 * 4.9 * len(states))), fontsize=10, x=0.01, ha="left")
    return figure


def _draw_state(axes: Axes, state: State, owners: np.ndarray) -> None:
    placed = tsne(np.concatenate([state.users, *state.items.values(), state.background]))
    users, rest = placed[: len(state.users)], placed[len(state.users) :]
    axes.plot(*rest[len(owners) * len(state.items) :].T, ".", color=GREY, ms=1.5, alpha=0.35)
    for index, _ in enumerate(state.items):
        rows = rest[index * len(owners) : (index + 1) * len(owners)]
        for user in range(len(users)):
            axes.plot(
                *rows[owners == user].T, MARKERS[index % len(MARKERS)], mfc="none", ms=5, mew=1,
                color=COLOURS[user % len(COLOURS)],
            )  # fmt: skip
    for user, place in enumerate(users):
        colour = COLOURS[user % len(COLOURS)]
        axes.plot(*place, "*", ms=15, color=colour, mec="black", mew=0.8, zorder=4)


def _cosines(users: np.ndarray, items: np.ndarray, owners: np.ndarray) -> tuple[float, float]:
    """Mean cosine of users to their own items, and to the others' (NaN without others)."""
    cosines = _units(users) @ _units(items).T
    own = np.arange(len(users))[:, None] == owners[None]
    others = cosines[~own].mean() if (~own).any() else np.nan
    return float(cosines[own].mean()), float(others)


def _units(rows: np.ndarray) -> np.ndarray:
    """``rows [n, dim]`` at length 1, float32."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows / np.maximum(lengths, 1e-12)).astype(np.float32)

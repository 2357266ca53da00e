"""A validation metric against each hyper-parameter that several runs differ in."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ccd.errors import ConfigError
from ccd.figures.heat_map import draw_heat_map, is_grid
from ccd.figures.style import COLOURS, new_figure, tidy
from ccd.terminal.visible import visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class Trial(NamedTuple):
    """The settings of one run or trial, printed as gin writes them, and what it reached."""

    settings: Mapping[str, str]
    value: float


def varied(trials: Sequence[Trial]) -> dict[str, list[str]]:
    """Settings that take at least two values, each with its values in the order of size.

    A setting that a trial does not have counts as not varied in that trial.
    """
    keys = dict.fromkeys(key for trial in trials for key in trial.settings)
    found = {}
    for key in keys:
        values = {trial.settings[key] for trial in trials if key in trial.settings}
        if len(values) > 1:
            found[key] = sorted(values, key=lambda text: (_number(text) is None, _order(text)))
    return found


def draw_sensitivity(
    trials: Sequence[Trial], metric: str, scales: Mapping[str, str] | None = None
) -> Figure:
    """A heat map of a grid of two settings; otherwise one panel per setting.

    A panel has a point per trial, and the best where several share a value.

    The best of neighbouring numbers are joined. A number that one trial alone drew is not: a line
    through such points would show noise as if it were a response.

    Args:
        trials: Trials of one study, or runs that differ in their settings.
        metric: What the values are.
        scales: ``log`` or ``linear`` of the settings that were drawn from a range; others are
            placed by their values.

    Raises:
        ConfigError: They do not differ in any setting.
    """
    found = varied(trials)
    if not found:
        raise ConfigError(
            f"{len(trials)} finished runs differ in no setting, so there is nothing to show",
            hint="name a study, or a folder of runs with several values of a setting",
        )
    if len(found) == 2:
        grid = _grid(trials, *found)
        if is_grid(grid, *found.values()):
            return draw_heat_map(grid, *found.values(), names=list(found), metric=metric)
    columns = min(3, len(found))
    lines = math.ceil(len(found) / columns)
    figure = new_figure(0.6 + 3.0 * columns, 0.4 + 2.4 * lines)
    panels = figure.subplots(lines, columns, squeeze=False, sharey=True).flat
    for index, panel in enumerate(panels):
        if index >= len(found):
            panel.set_axis_off()
            continue
        key = list(found)[index]
        _draw_panel(panel, trials, key, found[key], (scales or {}).get(key))
        tidy(panel, "", x=key, y=metric if index % columns == 0 else "")
    return figure


def _grid(trials: Sequence[Trial], first: str, second: str) -> dict[tuple[str, str], list[float]]:
    """What was reached with each pair of values of two settings."""
    cells: dict[tuple[str, str], list[float]] = {}
    for trial in trials:
        if first in trial.settings and second in trial.settings:
            pair = trial.settings[first], trial.settings[second]
            cells.setdefault(pair, []).append(trial.value)
    return cells


def _draw_panel(
    axes: Axes, trials: Sequence[Trial], key: str, texts: list[str], scale: str | None
) -> None:
    numbers = [_number(text) for text in texts]
    places: dict[str, float] = {text: float(i) for i, text in enumerate(texts)}
    known = [number for number in numbers if number is not None]
    # A dozen trials drawn from a range are points on an axis; few values are places of their own.
    if len(known) == len(texts) and (len(texts) > 6 or scale == "log"):
        places = dict(zip(texts, known, strict=True))
        wide = min(known) > 0 and max(known) / min(known) > 20
        if (scale or ("log" if wide else "linear")) == "log":
            _log_axis(axes, max(known) / min(known))
    else:
        axes.set_xticks(range(len(texts)), [_short(text) for text in texts])
        axes.tick_params(axis="x", rotation=30 if max(map(len, texts)) > 6 else 0)
        axes.set_xlim(-0.5, len(texts) - 0.5)
    reached: dict[float, list[float]] = {}
    for trial in trials:
        if key in trial.settings:
            reached.setdefault(places[trial.settings[key]], []).append(trial.value)
    points = [(x, value) for x, values in reached.items() for value in values]
    axes.plot(*zip(*points, strict=True), "o", ms=4, mfc="none", mec=COLOURS[0], alpha=0.8)
    best = [(x, max(values)) for x, values in sorted(reached.items()) if len(values) > 1]
    if best:
        # Between components, as between @linear_betas and @cosine_betas, nothing is to be joined.
        mark = "_-" if len(known) == len(texts) else "_"
        axes.plot(*zip(*best, strict=True), mark, color=COLOURS[1], lw=1.2, ms=14)


def _log_axis(axes: Axes, ratio: float) -> None:
    """A logarithmic axis whose labels do not run into each other."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0,) if ratio > 100 else (1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _order(text: str) -> Any:
    number = _number(text)
    return text if number is None else number


def _short(text: str) -> str:
    text = visible(text)
    number = _number(text)
    if number is not None and len(text) > 8:
        return f"{number:.3g}"
    return text if len(text) <= 18 else text[:17] + "…"

"""How the state of a plan looks on a terminal: what to show, and where it fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.progress_bar import ProgressBar
from rich.table import Table as RichTable
from rich.text import Text

from ccd.progress.states import Progress, RunState
from ccd.terminal.console import Glyphs, duration, glyphs_for, shorten
from ccd.terminal.visible import visible

_LINES_AROUND_ROWS = 7
"""Header, what is hidden, losses, validation, overall, and two to spare."""


@dataclass(frozen=True)
class _Column:
    """A column of the display: where it stands, how wide, and how soon it is dropped."""

    name: str
    width: int
    priority: int
    right: bool = True


_COLUMNS = (
    _Column("seed", 5, 0),
    _Column("epoch", 9, 1),
    _Column("bar", 10, 8, right=False),
    _Column("pool", 6, 6),
    _Column("loss", 7, 5),
    _Column("now", 6, 4),
    _Column("best", 11, 2),
    _Column("speed", 14, 9),
    _Column("left", 7, 3),
)


class ProgressView:
    """Draws the state of a plan in the width and height there is."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        glyphs = glyphs_for(options)
        width = options.max_width
        shown = self._select(max(options.size.height - _LINES_AROUND_ROWS, 3))
        yield self._rows(shown, width, glyphs)
        hidden = [run for run in self._progress.runs.values() if run not in shown]
        if hidden:
            yield _line(f"{glyphs.ellipsis} {self._summary(hidden)}")
        current = self._current()
        if current and current.last:
            yield _line(_named("losses", current.last.losses, glyphs))
            if current.valid:
                yield _line(_named("valid", current.valid, glyphs))
        yield self._overall(width)

    def _current(self) -> RunState | None:
        runs = self._progress.runs.values()
        return next((run for run in runs if run.status == "running"), None)

    def _select(self, limit: int) -> list[RunState]:
        """The runs that fit, nearest to the first unfinished one, in the plan's order."""
        runs = list(self._progress.runs.values())
        if len(runs) <= limit:
            return runs
        over = [run.status in ("finished", "skipped") for run in runs]
        at = over.index(False) if False in over else len(runs)
        first = min(max(at - limit // 2, 0), len(runs) - limit)
        return runs[first : first + limit]

    def _summary(self, hidden: Sequence[RunState]) -> str:
        results = [run.result for run in hidden if run.result]
        waiting = sum(run.status == "waiting" for run in hidden)
        words = []
        metric = self._progress.plan.metric
        if results:
            best = max(results, key=lambda result: result.valid.get(metric, 0.0))
            words.append(
                f"{len(results)} more finished, the best {best.variant} "
                f"{best.valid.get(metric, 0.0):.4f}"
            )
        if waiting:
            words.append(f"{waiting} more waiting")
        return ", ".join(words)

    def _rows(self, runs: Sequence[RunState], width: int, glyphs: Glyphs) -> RichTable:
        longest = max(len(visible(run.variant)) for run in runs)
        several_seeds = len({seed for _, seed in self._progress.plan.runs}) > 1
        columns, room = _fit(width, longest, several_seeds)
        table = RichTable(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
        table.add_column("", width=1, no_wrap=True)
        table.add_column("variant", width=max(room, 7), no_wrap=True)
        metric = self._progress.plan.metric
        names = {"bar": "", "best": "best@epoch", "now": "valid"}
        if all(run.result for run in runs):
            names["left"] = "took"
        for column in columns:
            name = names.get(column.name, column.name)
            table.add_column(
                name,
                width=column.width,
                no_wrap=True,
                overflow="crop",
                justify="right" if column.right else "left",
            )
        for run in runs:
            cells = self._cells(run, metric)
            name = shorten(visible(run.variant), max(room, 7), glyphs.ellipsis)
            table.add_row(
                _mark(run, glyphs),
                Text(name, style=_style(run)),
                *(cells[column.name] for column in columns),
            )
        return table

    def _cells(self, run: RunState, metric: str) -> dict[str, RenderableType]:
        """Every column of one run, by name."""
        cells: dict[str, RenderableType] = dict.fromkeys((c.name for c in _COLUMNS), "")
        cells["seed"] = str(run.seed)
        if run.result:
            cells["epoch"] = str(run.result.epochs)
            best = run.result.valid.get(metric)
            cells["best"] = "" if best is None else f"{best:.4f}@{run.result.best_epoch + 1}"
            if run.result.refit is not None:
                cells["best"] = "refit"
            seconds = run.result.seconds.get("total")
            cells["left"] = "" if seconds is None else duration(seconds)
            cells["bar"] = "skipped" if run.status == "skipped" else "finished"
        elif run.last:
            last = run.last
            left = self._progress.remaining(run)
            cells["epoch"] = f"{last.epoch + 1}/{last.max_epochs}"
            cells["bar"] = ProgressBar(total=last.max_epochs, completed=last.epoch + 1, width=10)
            cells["pool"] = last.source.short_label  # the header says 'pool'
            cells["loss"] = f"{last.losses['total']:.4f}" if "total" in last.losses else ""
            if run.valid and metric in run.valid:
                cells["now"] = f"{run.valid[metric]:.4f}"
            if last.best is not None and last.best_epoch is not None:
                cells["best"] = f"{last.best:.4f}@{last.best_epoch + 1}"
            cells["speed"] = run.speed
            cells["left"] = "" if left is None else str(left)
        return cells

    def _overall(self, width: int) -> RenderableType:
        progress = self._progress
        left = progress.remaining_overall()
        times = f"{duration(progress.elapsed)} so far" + (f", {left} left" if left else "")
        count = f"{progress.n_over}/{len(progress.runs)} runs"
        bar = width - len(count) - len(times) - 2
        if bar < 8:
            return _line(f"{count}, {times}")
        line = RichTable.grid(padding=(0, 1, 0, 0))
        line.add_row(count, ProgressBar(completed=100 * progress.share, width=min(bar, 40)), times)
        return line


def _fit(width: int, longest: int, several_seeds: bool) -> tuple[list[_Column], int]:
    """Columns that fit, most important first to stay, and the room left for the variant."""
    room = min(longest, max(min(width - 40, width // 3), 10))
    used = 2 + room + 1
    chosen = []
    for column in sorted(_COLUMNS, key=lambda c: c.priority):
        wanted = column.name != "seed" or several_seeds
        if wanted and used + column.width + 1 <= width:
            chosen.append(column)
            used += column.width + 1
    return [column for column in _COLUMNS if column in chosen], room + min(
        width - used, longest - room
    )


def _mark(run: RunState, glyphs: Glyphs) -> Text:
    marks = {"waiting": (glyphs.waiting, "dim"), "running": (glyphs.running, "cyan")}
    return Text(*marks.get(run.status, (glyphs.done, "green")))


def _style(run: RunState) -> str:
    return {"waiting": "dim", "running": "bold"}.get(run.status, "")


def _named(title: str, values: dict[str, float], glyphs: Glyphs) -> str:
    parts = f" {glyphs.separator} ".join(f"{name} {value:.4f}" for name, value in values.items())
    return f"{title}  {parts}"


def _line(text: str) -> Text:
    return Text(text, style="dim")

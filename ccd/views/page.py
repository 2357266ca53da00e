"""``ccd report``: everything about some finished runs on one page that needs no network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ccd.analysis.comparing import Compared, compare, gather
from ccd.analysis.reproduction import Reproduction, reproduction
from ccd.analysis.tables import Cell
from ccd.errors import CcdError
from ccd.figures.ablation import draw_ablation
from ccd.figures.cost import draw_cost
from ccd.figures.curves import draw_curves
from ccd.figures.plots import Request, plot
from ccd.figures.style import svg_text
from ccd.files import read_json
from ccd.finished.runs import FinishedRun
from ccd.runs.manifest import MANIFEST_FILE
from ccd.runs.records import RunResult
from ccd.statistics.comparison import Comparison
from ccd.views.comparing_text import sections
from ccd.views.html_parts import to_details, to_figure, to_page, to_table, to_text
from ccd.views.table_text import DEFINITIONS, caption

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_CAPTIONS = {
    "ablation": (
        "Test metrics of every variant.",
        "Bars by variant, a panel per metric; the numbers stand in the table of results.",
    ),
    "curves": (
        "Validation metric and training loss by epoch.",
        "Two panels of lines over epochs; the best validation metric of each run is marked.",
    ),
    "pools": (
        "How similar hard and random negatives are to positives and users, by epoch.",
        "Three panels of lines over epochs; 'ccd negatives' writes their numbers.",
    ),
    "tsne": (
        "Users and their items in each space, before training and at the best epoch.",
        "Two planes of points; below each, the cosines that they stand for, as text.",
    ),
    "negatives": (
        "What each pool draws as negatives around a user and a positive item.",
        "Planes of points; below each, the cosines of each pool to the user and the positive.",
    ),
    "cost": (
        "Seconds by part.",
        "Stacked bars by variant, per run and per epoch, the sum at each end.",
    ),
}
"""Kind of figure to what stands below it, and what is read aloud instead of it."""
_FACTS = ("versions", "machine")


@dataclass(frozen=True)
class Page:
    """What is shown on a page.

    Attributes:
        title: Heading.
        compared: Tables.
        figures: Kind to SVG text.
        skipped: Kind to why it could not be drawn.
        settings: Setting to the value in each variant that has it.
        facts: Title to what there is to say: data, environment.
        recipes: Name of a file to the recipe to write into it, to run everything again.
        commands: How to run them.
    """

    title: str
    compared: Compared
    figures: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    settings: dict[str, dict[str, str]] = field(default_factory=dict)
    facts: dict[str, dict[str, str]] = field(default_factory=dict)
    recipes: dict[str, str] = field(default_factory=dict)
    commands: tuple[str, ...] = ()


def collect(
    folders: Sequence[Path],
    *,
    comparison: Comparison,
    baseline: str | None = None,
    slices: bool = False,
    beyond: bool = False,
    data_folders: Sequence[Path] = (),
    imports: Sequence[str] = (),
) -> Page:
    """Gather what a page shows; figures that cannot be drawn say why.

    The arguments are those of ``ccd.analysis.comparing.compare``.
    """
    compared = compare(
        folders, comparison=comparison, baseline=baseline, slices=slices, beyond=beyond,
        data_folders=data_folders, imports=imports,
    )  # fmt: skip
    runs, _ = gather(folders, imports)
    request = Request(folders[0], data_folders=data_folders, imports=imports)
    drawn = {
        **{kind: partial(plot, kind, request) for kind in _CAPTIONS},
        "ablation": partial(draw_ablation, compared.table),
        "curves": partial(_curves, runs),
        "cost": partial(draw_cost, _renamed(runs)),
    }
    figures, skipped = {}, {}
    for kind, draw in drawn.items():
        try:
            figures[kind] = svg_text(draw())
        except CcdError as error:
            skipped[kind] = error.one_line
    homes = tuple(dict.fromkeys(run.folder.parent for run in runs.values()))
    names = ", ".join(row.variant for row in compared.table.rows)
    try:
        again = reproduction(list(runs.values()), imports)
    except CcdError as error:  # a recipe that no longer loads costs its commands, not the page
        again = Reproduction({}, ())
        compared = replace(compared, notes=(*compared.notes, error.one_line))
    return Page(
        title=f"{compared.table.dataset}: {names}",
        compared=compared,
        figures=figures,
        skipped=skipped,
        settings=_settings(runs),
        facts=_facts(homes),
        recipes=again.recipes,
        commands=again.commands,
    )


def to_html(page: Page) -> str:
    """The page: one file with its style, script and pictures in it."""
    table = page.compared.table
    columns = ("variant", "seeds", *table.metrics)
    means = [
        [to_text(row.variant), str(len(row.seeds)), *(_cell(row.cells[m]) for m in table.metrics)]
        for row in table.rows
    ]
    parts = {
        "Results": _question(page)
        + to_table(columns, means, raw=True)
        + f"<p>{to_text(caption(table))}</p>"
        + _definitions(page)
        + _seeds(page),
        **{title: to_table(header, rows) for title, header, rows in sections(page.compared)},
        "Figures": "".join(to_figure(*_CAPTIONS[kind], svg) for kind, svg in page.figures.items())
        + "".join(f"<p>No figure {kind}: {to_text(why)}</p>" for kind, why in page.skipped.items()),
        "Config": _config(page.settings, [row.variant for row in table.rows]),
        **{
            title: to_table(("what", "value"), list(facts.items()), plain=True)
            for title, facts in page.facts.items()
        },
        "How to reproduce": _reproduction(page),
    }
    return to_page(page.title, parts, page.compared.notes)


def _renamed(runs: Mapping[tuple[str, int], FinishedRun]) -> list[RunResult]:
    """Results under their names in the table."""
    return [replace(run.result, variant=name) for (name, _), run in runs.items()]


def _curves(runs: Mapping[tuple[str, int], FinishedRun]) -> Figure:
    """Of all folders; the metric is that which selects the first run's epoch."""
    metric = str(next(iter(runs.values())).experiment.evaluator.select)
    history = [
        replace(record, variant=name) for (name, _), run in runs.items() for record in run.history
    ]
    return draw_curves(history, metric)


def _settings(runs: Mapping[tuple[str, int], FinishedRun]) -> dict[str, dict[str, str]]:
    """By the names in the table, where another folder's variant may have other settings."""
    found: dict[str, dict[str, str]] = {}
    for (variant, _), run in runs.items():
        for key, value in run.settings.items():
            found.setdefault(key, {})[variant] = value
    return found


def _facts(homes: Sequence[Path]) -> dict[str, dict[str, str]]:
    """Data and environment, as the manifests of the folders tell of them."""
    found: dict[str, dict[str, str]] = {}
    for home in homes:
        manifest = read_json(home / MANIFEST_FILE)
        data = {**manifest.get("data", {}), "test split opened": manifest.get("test_openings")}
        data["notes"] = "; ".join(data.get("notes", ()))
        environment = {"ccd commit": manifest.get("ccd_commit") or "not a git checkout"}
        environment.update((key, manifest.get(key)) for key in ("device", "engine", "threads"))
        for group in _FACTS:
            environment.update(manifest.get(group, {}))
        environment["peak memory, MB"] = manifest.get("peak_rss_mb")
        for title, facts in (("Data", data), ("Environment", environment)):
            name = title if len(homes) == 1 else f"{title} of {home}"
            found[name] = {key: str(value) for key, value in facts.items()}
    return found


def _config(settings: dict[str, dict[str, str]], variants: Sequence[str]) -> str:
    """All settings, those that differ between variants marked and first."""
    rows: tuple[list[list[str]], list[list[str]]] = ([], [])
    for key, values in settings.items():
        cells = [to_text(values.get(variant, "-")) for variant in variants]
        differs = len(set(cells)) > 1
        rows[not differs].append(
            [to_text(key), *(f"<mark>{c}</mark>" if differs else c for c in cells)]
        )
    head = ("setting", *variants)
    rest = to_details(f"The other {len(rows[1])} settings", to_table(head, rows[1], raw=True))
    return f"<h3>What differs</h3>{to_table(head, rows[0], raw=True)}{rest}"


def _seeds(page: Page) -> str:
    """What each mean is of; for the mouse it stands in the table of means too."""
    table = page.compared.table
    if len(table.seeds) < 2:
        return ""
    rows = [
        (row.variant, str(seed), *(f"{row.cells[m].values[i]:.4f}" for m in table.metrics))
        for row in table.rows
        for i, seed in enumerate(row.seeds)
    ]
    return to_details("Each seed", to_table(("variant", "seed", *table.metrics), rows))


def _reproduction(page: Page) -> str:
    """The commands, and the recipes that they name in full: this page is all one needs."""
    if not page.recipes:
        return "<p>The run folders hold no config.gin that can be read.</p>"
    names = ", ".join(page.recipes)
    words = f"Write the text below into {names}, and with the ccd named under Environment:"
    texts = [
        to_details(name, f"<pre>{to_text(recipe)}</pre>") for name, recipe in page.recipes.items()
    ]
    commands = f"<pre>{to_text(chr(10).join(page.commands))}</pre>"
    return f"<p>{to_text(words)}</p>{commands}{''.join(texts)}"


def _cell(cell: Cell) -> str:
    style = {1: "best", 2: "second"}.get(cell.rank, "other")
    sd = "" if cell.sd is None else f" ±{cell.sd:.4f}"
    seeds = ", ".join(f"{value:.4f}" for value in cell.values)
    gain = "" if cell.gain is None else f" {100 * cell.gain:+.1f}%{cell.mark}"
    return f'<span class="{style}" title="seeds: {seeds}">{cell.mean:.4f}</span>{sd}{gain}'


def _question(page: Page) -> str:
    table = page.compared.table
    others = [row.variant for row in table.rows if row.variant != table.baseline]
    if not others or table.baseline is None:
        return ""
    words = f"Do {', '.join(others)} rank test items better than {table.baseline}?"
    return f"<p><strong>{to_text(words)}</strong></p>"


def _definitions(page: Page) -> str:
    kinds = dict.fromkeys(name.partition("@")[0] for name in page.compared.table.metrics)
    return "".join(f"<p>{to_text(DEFINITIONS[kind])}.</p>" for kind in kinds if kind in DEFINITIONS)

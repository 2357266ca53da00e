"""``ccd report``: everything about some finished runs on one page that needs no network."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

from ccd.errors import CcdError
from ccd.figures.plots import Request, plot
from ccd.figures.style import svg_text
from ccd.finished import FinishedRun, open_runs
from ccd.reports.comparing import Compared, compare
from ccd.reports.comparing_text import sections
from ccd.reports.table_text import DEFINITIONS, caption
from ccd.reports.tables import Cell
from ccd.runs.files import read_json
from ccd.runs.folder import CONFIG_FILE
from ccd.runs.manifest import MANIFEST_FILE
from ccd.statistics.comparison import Comparison

_CAPTIONS = {
    "ablation": "Test metrics of every variant.",
    "curves": "Validation metric and training loss by epoch.",
    "pools": "How similar hard and random negatives are to positives and users, by epoch.",
    "tsne": "Users and their items in each space, before training and at the best epoch.",
    "negatives": "What each pool draws as negatives around a user and a positive item.",
    "cost": "Seconds by part.",
}
_WORD = ' class="word"'
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
        commands: How to run it again.
    """

    title: str
    compared: Compared
    figures: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    settings: dict[str, dict[str, str]] = field(default_factory=dict)
    facts: dict[str, dict[str, str]] = field(default_factory=dict)
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

    The arguments are those of ``ccd.reports.comparing.compare``.
    """
    compared = compare(
        folders, comparison=comparison, baseline=baseline, slices=slices, beyond=beyond,
        data_folders=data_folders, imports=imports,
    )  # fmt: skip
    figures, skipped = {}, {}
    request = Request(folders[0], data_folders=data_folders, imports=imports)
    for kind in _CAPTIONS:
        try:
            figures[kind] = svg_text(plot(kind, request))
        except CcdError as error:
            skipped[kind] = str(error)
    runs = [run for folder in folders for run in open_runs(folder, imports)]
    names = ", ".join(row.variant for row in compared.table.rows)
    return Page(
        title=f"{compared.table.dataset}: {names}",
        compared=compared,
        figures=figures,
        skipped=skipped,
        settings=_settings(runs),
        facts=_facts(folders),
        commands=tuple(f"ccd run {folder / CONFIG_FILE}" for folder in folders),
    )


def to_html(page: Page) -> str:
    """The page: one file with its style, script and pictures in it."""
    table = page.compared.table
    columns = ("variant", "seeds", *table.metrics)
    means = [
        [_text(row.variant), str(len(row.seeds)), *(_cell(row.cells[m]) for m in table.metrics)]
        for row in table.rows
    ]
    parts = {
        "Results": _question(page)
        + _table(columns, means, raw=True)
        + f"<p>{_text(caption(table))}</p>"
        + _definitions(page),
        **{title: _table(header, rows) for title, header, rows in sections(page.compared)},
        "Figures": "".join(_figure(kind, svg) for kind, svg in page.figures.items())
        + "".join(f"<p>No figure {kind}: {_text(why)}</p>" for kind, why in page.skipped.items()),
        "Config": _config(page.settings, [row.variant for row in table.rows]),
        **{
            title: _table(("what", "value"), list(facts.items()), plain=True)
            for title, facts in page.facts.items()
        },
        "How to reproduce": f"<pre>{_text(chr(10).join(page.commands))}</pre>",
    }
    body = "".join(
        f'<section id="s{i}"><h2>{_text(title)}</h2>{content}</section>'
        for i, (title, content) in enumerate(parts.items())
    )
    links = "".join(
        f'<li><a href="#s{i}">{_text(title.partition(" (")[0])}</a></li>'
        for i, title in enumerate(parts)
    )
    notes = "".join(f"<p>Note: {_text(note)}</p>" for note in page.compared.notes)
    form = resources.files("ccd.reports").joinpath("page.html").read_text(encoding="utf-8")
    for name, value in {"TITLE": _text(page.title), "LINKS": links, "BODY": notes + body}.items():
        form = form.replace(f"<!--{name}-->", value)
    return form


def _settings(runs: Sequence[FinishedRun]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for run in runs:
        for key, value in run.settings.items():
            found.setdefault(key, {})[run.result.variant] = value
    return found


def _facts(folders: Sequence[Path]) -> dict[str, dict[str, str]]:
    """Data and environment, as the manifests of the folders tell of them."""
    found: dict[str, dict[str, str]] = {}
    for folder in folders:
        home = folder if (folder / MANIFEST_FILE).exists() else folder.parent
        manifest = read_json(home / MANIFEST_FILE)
        data = {**manifest.get("data", {}), "test split opened": manifest.get("test_openings")}
        data["notes"] = "; ".join(data.get("notes", ()))
        environment = {key: manifest.get(key) for key in ("device", "engine", "threads")}
        for group in _FACTS:
            environment.update(manifest.get(group, {}))
        environment["peak memory, MB"] = manifest.get("peak_rss_mb")
        for title, facts in (("Data", data), ("Environment", environment)):
            name = title if len(folders) == 1 else f"{title} of {home.name}"
            found[name] = {key: str(value) for key, value in facts.items()}
    return found


def _config(settings: dict[str, dict[str, str]], variants: Sequence[str]) -> str:
    """All settings, those that differ between variants marked and first."""
    rows: tuple[list[list[str]], list[list[str]]] = ([], [])
    for key, values in settings.items():
        cells = [_text(values.get(variant, "-")) for variant in variants]
        differs = len(set(cells)) > 1
        rows[not differs].append(
            [_text(key), *(f"<mark>{c}</mark>" if differs else c for c in cells)]
        )
    head = ("setting", *variants)
    return (
        f"<h3>What differs</h3>{_table(head, rows[0], raw=True)}<details><summary>The other "
        f"{len(rows[1])} settings</summary>{_table(head, rows[1], raw=True)}</details>"
    )


def _table(
    header: Sequence[str], rows: Sequence[Sequence[str]], *, raw: bool = False, plain: bool = False
) -> str:
    """A table that sorts and filters, unless ``plain``; ``raw`` cells are HTML already."""
    head = "".join(
        f'<th scope="col"{_WORD if column == "variant" else ""}>{_text(column)}</th>'
        for column in header
    )
    lines = []
    for row in rows:
        first, *rest = (cell if raw else _text(cell) for cell in row)
        cells = "".join(
            f"<td{_WORD if column == 'variant' else ''}>{cell}</td>"
            for column, cell in zip(header[1:], rest, strict=True)
        )
        lines.append(f'<tr><th scope="row">{first}</th>{cells}</tr>')
    kind = "plain" if plain else "data"
    return (
        f'<div class="wide" tabindex="0"><table class="{kind}"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


def _cell(cell: Cell) -> str:
    style = {1: "best", 2: "second"}.get(cell.rank, "other")
    sd = "" if cell.sd is None else f" ±{cell.sd:.4f}"
    seeds = ", ".join(f"{value:.4f}" for value in cell.values)
    gain = "" if cell.gain is None else f" {100 * cell.gain:+.1f}%{cell.stars}"
    return f'<span class="{style}" title="seeds: {seeds}">{cell.mean:.4f}</span>{sd}{gain}'


def _question(page: Page) -> str:
    table = page.compared.table
    others = [row.variant for row in table.rows if row.variant != table.baseline]
    if not others or table.baseline is None:
        return ""
    words = f"Do {', '.join(others)} rank test items better than {table.baseline}?"
    return f"<p><strong>{_text(words)}</strong></p>"


def _definitions(page: Page) -> str:
    kinds = dict.fromkeys(name.partition("@")[0] for name in page.compared.table.metrics)
    return "".join(f"<p>{_text(DEFINITIONS[kind])}.</p>" for kind in kinds if kind in DEFINITIONS)


def _figure(kind: str, svg: str) -> str:
    # A picture of its own: names within one SVG cannot clash with those of another.
    data = base64.b64encode(svg.encode()).decode()
    words = _text(_CAPTIONS[kind])
    return (
        f'<figure><img alt="{words}" src="data:image/svg+xml;base64,{data}">'
        f"<figcaption>{words}</figcaption></figure>"
    )


def _text(text: str) -> str:
    return html.escape(text)

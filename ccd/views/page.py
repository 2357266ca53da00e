"""What the page of ``ccd report`` shows, gathered from finished runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ccd.analysis.common_metrics import choose_metric
from ccd.analysis.comparing import Compared, compare
from ccd.analysis.reproduction import Reproduction, reproduction
from ccd.errors import CcdError
from ccd.figures.ablation import draw_ablation
from ccd.figures.catalogue import FIGURES
from ccd.figures.cost import draw_cost
from ccd.figures.curves import draw_curves
from ccd.figures.plots import Request, draw
from ccd.figures.style import svg_text
from ccd.finished.runs import FinishedRun, how_they_ran
from ccd.runs.manifest import read_manifest
from ccd.runs.records import RunResult
from ccd.statistics.comparison import Comparison

if TYPE_CHECKING:
    from matplotlib.figure import Figure

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
    data_dir: Path | None = None,
    imports: Sequence[str] = (),
) -> Page:
    """Gather what a page shows; figures that cannot be drawn say why.

    The arguments are those of ``ccd.analysis.comparing.compare``.
    """
    compared = compare(
        folders, comparison=comparison, baseline=baseline, slices=slices, beyond=beyond,
        data_dir=data_dir, imports=imports,
    )  # fmt: skip
    runs = compared.runs
    # What shows one run shows the last variant's first seed, whichever folder it is in.
    last = list(runs)[-1][0]
    shown = next(run for (name, _), run in runs.items() if name == last)
    request = Request(folders[0], data_dir=data_dir, imports=imports, opened=shown, called=last)
    drawn = {
        **{kind: partial(draw, kind, request) for kind in FIGURES if FIGURES[kind].on_page},
        "ablation": partial(draw_ablation, compared.table),
        "curves": partial(_curves, runs),
        "cost": partial(draw_cost, _renamed(runs)),
    }
    figures, skipped = {}, {}
    for kind, make in drawn.items():
        try:
            figures[kind] = svg_text(make())
        except CcdError as error:
            skipped[kind] = error.one_line
    homes = tuple(dict.fromkeys(run.folder.parent for run in runs.values()))
    names = [row.variant for row in compared.table.rows]
    try:
        again = reproduction(list(runs.values()))
    except CcdError as error:  # a recipe that cannot be read costs its commands, not the page
        again = Reproduction({}, ())
        compared = replace(compared, notes=(*compared.notes, error.one_line))
    return Page(
        title=f"{compared.table.dataset}: {_listed(names)}",
        compared=compared,
        figures=figures,
        skipped=skipped,
        settings=_settings(runs),
        facts=_facts(homes),
        recipes=again.recipes,
        commands=again.commands,
    )


def _listed(names: Sequence[str]) -> str:
    """The names, as long as a heading can hold them."""
    return ", ".join(names) if len(names) <= 4 else f"{len(names)} variants"


def _renamed(runs: Mapping[tuple[str, int], FinishedRun]) -> list[RunResult]:
    """Results under their names in the table."""
    return [replace(run.result, variant=name) for (name, _), run in runs.items()]


def _curves(runs: Mapping[tuple[str, int], FinishedRun]) -> Figure:
    """Curves of the runs of all folders, in the metric that selects the first run's epoch."""
    metric = choose_metric(list(runs.values()), "valid")
    history = [
        replace(record, variant=name) for (name, _), run in runs.items() for record in run.history
    ]
    return draw_curves(history, metric, next(iter(runs.values())).result.dataset)


def _settings(runs: Mapping[tuple[str, int], FinishedRun]) -> dict[str, dict[str, str]]:
    """Settings under the variants' names in the table."""
    found: dict[str, dict[str, str]] = {}
    by_variant: dict[str, list[FinishedRun]] = {}
    for (variant, _), run in runs.items():
        by_variant.setdefault(variant, []).append(run)
    for variant, members in by_variant.items():
        for key, value in {**members[0].settings, **how_they_ran(members)}.items():
            found.setdefault(key, {})[variant] = value
    return found


def _facts(homes: Sequence[Path]) -> dict[str, dict[str, str]]:
    """Data and environment, as the manifests of the folders tell of them."""
    found: dict[str, dict[str, str]] = {}
    for home in homes:
        manifest = read_manifest(home)
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

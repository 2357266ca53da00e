"""Results of other programs: their lists become a variant of a run folder like any other."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ccd.ablation import run_loaded
from ccd.arguments import as_tuple
from ccd.config.graph import ConfigGraph, Node
from ccd.config.recipe import Recipe, load_recipe
from ccd.config.text import value_text
from ccd.datasets import data_folders
from ccd.datasets.dataset import Dataset
from ccd.datasets.score_lists import ScoreLists, read_score_lists
from ccd.errors import ConfigError
from ccd.finished.results import RunResults
from ccd.runs.folder import CONFIG_FILE, default_folder, finished_runs
from ccd.runs.identity import slug
from ccd.runs.manifest import read_manifest
from ccd.runs.own_folder import read_about
from ccd.runs.records import Observer, SilentObserver

_SEED = 999
"""The seed of a list in a new folder; the recipes' first."""


def import_results(
    file: str | Path,
    *,
    name: str | None = None,
    seed: int | None = None,
    dataset: str | None = None,
    rows: bool = False,
    data_dir: str | Path | None = None,
    out: str | Path | None = None,
    allow_imports: Sequence[str] = (),
    observer: Observer | None = None,
) -> RunResults:
    """Measure the lists of a file and keep them as a finished run.

    Args:
        file: A table with the columns user, item and score or rank (``.tsv``, ``.csv``,
            ``.parquet``), or a TREC run file (``.trec``, ``.run``).
        name: Of the variant; the file's name without its ending where None.
        seed: Of the variant; by default the first of the folder's, with whose runs it is paired.
        dataset: A name in ``gin/datasets`` or a gin file; that of the folder's runs where None.
        rows: Users and items are row numbers, even where the data set's files have other ids.
        data_dir: Folder in which data sets are looked up first; where None and ``dataset`` is None
            too, the one that the folder's runs remember.
        out: A run folder, to which the variant is added; a new one under ``runs/`` where None.
        allow_imports: Python modules that the folder's recipe may import.
        observer: Told about progress, and how far the lists go.

    Raises:
        ConfigError: The data set is not named, the folder is no run folder or has this variant and
            seed, or the lists are too short for every cut-off.
        DataError: The data set or the file cannot be used.
    """
    path = Path(file).resolve()
    if not path.is_file():
        raise ConfigError("this is no file", where=path, hint="name a file with lists")
    variant = name or path.stem
    folder = Path(out) if out is not None else default_folder(variant)
    there = _Folder(folder, as_tuple("allow_imports", allow_imports))
    chosen = seed if seed is not None else there.first_seed
    there.refuse(variant, chosen)
    recipe = there.with_lists(path, variant, chosen, rows=rows, dataset=dataset)
    place = Path(data_dir) if data_dir is not None else None
    if place is None and dataset is None:
        place = there.data_dir
    data = recipe.graphs[variant].root["dataset"].value.factory()(data_folders(place))
    lists = read_score_lists(path, data, rows=rows)
    told = observer or SilentObserver()
    graph, notes = _measurable(recipe.graphs[variant], lists, data, path)
    done = run_loaded(
        replace(recipe, graphs={**recipe.graphs, variant: graph}),
        folder=folder,
        data_dir=place,
        observer=told,
    )
    for note in notes:
        told.note(note)
    return done


class _Folder:
    """The run folder that lists are added to; it may be new."""

    def __init__(self, path: Path, imports: tuple[str, ...]) -> None:
        self.path = path
        self.recipe: Recipe | None = None
        if (path / CONFIG_FILE).exists():
            written = load_recipe(path / CONFIG_FILE, allow_imports=imports)
            name = read_manifest(path).get("recipe", written.name)
            self.recipe = replace(written, name=name)

    @property
    def first_seed(self) -> int:
        """With which a list is compared unless told otherwise."""
        return self.recipe.seeds[0] if self.recipe else _SEED

    @property
    def data_dir(self) -> Path | None:
        """The folder of data that one of its runs remembers; None where it is gone since."""
        runs = finished_runs(self.path)
        named = [read_about(self.path / slug(*run))["data_dir"] for run in runs]
        return next((Path(place) for place in named if place and Path(place).is_dir()), None)

    def refuse(self, variant: str, seed: int) -> None:
        """Refuse a variant and seed that are there: nothing is overwritten.

        Raises:
            ConfigError: They are.
        """
        if (variant, seed) in finished_runs(self.path):
            raise ConfigError(
                f"this run folder has a finished run of '{variant}' with seed {seed}",
                where=self.path,
                keys=("--name", "--seed"),
                hint="choose another --name, another --seed or another --out",
            )

    def with_lists(
        self, file: Path, variant: str, seed: int, *, rows: bool, dataset: str | None
    ) -> Recipe:
        """The folder's recipe, with the lists as one more variant, which alone is to run."""
        if self.recipe is None and dataset is None:
            raise ConfigError(
                "the data set of these lists is not known",
                keys=("--dataset", "--out"),
                hint="name it with --dataset, or name a run folder on it with --out",
            )
        own = _recipe(file, variant, seed, rows=rows, dataset=dataset)
        if self.recipe is None:
            return own
        graph = own.graphs[variant]
        theirs = next(iter(self.recipe.graphs.values())).root
        parts = {"evaluator": theirs["evaluator"]}
        if dataset is None:
            parts["dataset"] = theirs["dataset"]
        parameters = tuple(parts.get(p.name, p) for p in graph.root.parameters)
        root = replace(graph.root, parameters=parameters)
        return replace(
            self.recipe,
            graphs={**self.recipe.graphs, variant: ConfigGraph(root)},
            selected=(variant,),
            seeds=(seed,),
        )


def _recipe(file: Path, variant: str, seed: int, *, rows: bool, dataset: str | None) -> Recipe:
    """A recipe with one variant, the lists of a file."""
    text = f"""
include 'gin/base.gin'
Experiment:
  backbone = @ScoreFile
  sampler = None
ScoreFile:
  file = {value_text(str(file))}
  rows = {rows}
Ablation:
  variants = {{{value_text(variant)}: []}}
  seeds = ({seed},)
"""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "imported.gin"
        path.write_text(text, encoding="utf-8")
        return load_recipe(path, dataset=dataset)


def _measurable(
    graph: ConfigGraph, lists: ScoreLists, data: Dataset, path: Path
) -> tuple[ConfigGraph, list[str]]:
    """The variant with the cut-offs that the lists reach, and what a reader should know of them.

    Raises:
        ConfigError: They reach none.
    """
    notes = []
    without = len(set(data.test.users.tolist()) - set(lists.users.tolist()))
    if without:
        n_test = len(set(data.test.users.tolist()))
        notes.append(
            f"{path.name} has no list of {without:,} of {n_test:,} test users; they count as 0"
        )
    evaluator: Node = graph.root["evaluator"].value
    cutoffs = evaluator["cutoffs"].value
    kept = tuple(k for k in cutoffs if k <= lists.longest)
    if not kept:
        raise ConfigError(
            f"the longest list has {lists.longest} items, and metrics are measured at "
            f"{', '.join(map(str, cutoffs))}",
            where=path,
            keys=("FullRanking.cutoffs",),
            hint="import longer lists",
        )
    if kept == cutoffs:
        return graph, notes
    notes.append(
        f"the longest list of {path.name} has {lists.longest} items, so nothing is measured at "
        f"{', '.join(str(k) for k in cutoffs if k not in kept)}"
    )
    metric, _, at = evaluator["select"].value.partition("@")
    select = f"{metric}@{at if int(at) in kept else kept[-1]}"
    changed = {"cutoffs": kept, "select": select}
    shorter = _with(evaluator, changed)
    return ConfigGraph(_with(graph.root, {"evaluator": shorter})), notes


def _with(node: Node, values: Mapping[str, Any]) -> Node:
    """The node with other values of some settings."""
    parameters = (
        replace(p, value=values[p.name]) if p.name in values else p for p in node.parameters
    )
    return replace(node, parameters=tuple(parameters))

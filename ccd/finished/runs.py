"""A finished run, opened again: its settings, its data and its model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ccd.arguments import as_path, as_text, as_texts, as_whole
from ccd.datasets.locate import data_folders
from ccd.datasets.refit import refit_data
from ccd.errors import ConfigError, DamagedFileError, DataError, ResourceError, reading
from ccd.files import has_torn_end
from ccd.runs.folder import (
    HISTORY_FILE,
    ITEM_IDS_FILE,
    ITEM_TENSOR,
    MODEL_FILE,
    OPERATIVE_FILE,
    PER_USER_FILE,
    RESULTS_FILE,
    RUN_FILES,
    SAMPLE_TENSOR,
    USER_IDS_FILE,
    USER_TENSOR,
    finished_runs,
    missing_files,
    read_history,
    read_results,
)
from ccd.runs.identity import slug
from ccd.runs.manifest import refuse_changed_top
from ccd.runs.own_folder import RUN_FILE, own_file, read_about
from ccd.runs.per_user import PerUser, read_per_user
from ccd.runs.records import EpochRecord, RunResult
from ccd.suggestions import did_you_mean

if TYPE_CHECKING:
    import torch

    from ccd.backbones.base import Representations
    from ccd.config.graph import ConfigGraph
    from ccd.datasets.dataset import Dataset
    from ccd.evaluation.ranking import FullRanking
    from ccd.experiment import Experiment
    from ccd.training.recommender import Recommender


@dataclass(frozen=True)
class FinishedRun:
    """One (variant, seed) of a run folder.

    Attributes:
        folder: Its own folder, ``<run folder>/<variant>-<seed>``.
        result: Its line of ``results.jsonl``.
        imports: Python modules that its settings may import.
    """

    folder: Path
    result: RunResult
    imports: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<FinishedRun of {self.result.variant}, seed {self.result.seed}, in {self.folder}>"

    @cached_property
    def about(self) -> dict[str, Any]:
        """What ``run.json`` says: data, versions, settings, how it ran."""
        return read_about(self.folder)

    @property
    def settings(self) -> dict[str, str]:
        """Key to printed value of every setting that makes the variant what it is."""
        return dict(self.about["settings"])

    @property
    def how_it_ran(self) -> dict[str, str]:
        """Key to printed value of what could not change what was learned: device, threads, ..."""
        return dict(self.about["how_it_ran"])

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the data set that it was trained on."""
        return str(self.about.get("dataset_fingerprint"))

    @cached_property
    def history(self) -> list[EpochRecord]:
        """The run's epochs, from ``history.jsonl``.

        Raises:
            DamagedFileError: Some are missing, or are not what was written.
        """
        key = (self.result.variant, self.result.seed)
        found = [x for x in read_history(self.folder.parent) if (x.variant, x.seed) == key]
        if [record.epoch for record in found] != list(range(self.result.epochs)):
            raise DamagedFileError(
                f"this file must have each of {self.result.epochs} epochs of {key[0]}, seed "
                f"{key[1]}, once and in order",
                where=self.folder.parent / HISTORY_FILE,
                found=f"{len(found)} lines of it",
                hint="bring it back from a copy; metrics and model do not depend on it",
            )
        return found

    @cached_property
    def per_user(self) -> PerUser:
        """Test metrics per user."""
        path, key = own_file(self.folder, PER_USER_FILE), (self.result.variant, self.result.seed)
        found = read_per_user(path)
        if key not in found:
            raise DamagedFileError(
                f"this file has no row of {key[0]}, seed {key[1]}",
                where=path,
                hint="copy it from where the run was made, or remove it and run again",
            )
        return found[key]

    @property
    def user_ids(self) -> list[str]:
        """The users' ids in the data set's files, by position; empty where these are positions.

        Raises:
            DamagedFileError: The file that lists them cannot be read, or was changed.
        """
        return self._ids(USER_IDS_FILE)

    @property
    def item_ids(self) -> list[str]:
        """The same of items."""
        return self._ids(ITEM_IDS_FILE)

    def _ids(self, name: str) -> list[str]:
        path = self.folder.parent / name
        if not path.exists():
            return []
        refuse_changed_top(path)
        with reading(path, DamagedFileError):
            return path.read_text(encoding="utf-8").split("\n")[:-1]

    @cached_property
    def graph(self) -> ConfigGraph:
        """The config graph, from the run's own ``operative.gin``."""
        from ccd.config.recipe import load_recipe

        path = own_file(self.folder, OPERATIVE_FILE)
        return load_recipe(path, allow_imports=self.imports).graphs[self.result.variant]

    @cached_property
    def experiment(self) -> Experiment:
        """The experiment, built but not run; on the CPU, wherever it was trained.

        It takes all parts of the run, also those that only an import brings.
        """
        experiment: Experiment = self.graph.factory()(device="cpu")
        return experiment

    @cached_property
    def tensors(self) -> dict[str, torch.Tensor]:
        """The weights at the best epoch, the final representations and DMA's sample.

        Raises:
            DamagedFileError: The file is not the model that this run saved.
        """
        return self._read_model()

    @cached_property
    def representations(self) -> Representations:
        """The final representations, as they were tested; the weights are not read for them.

        Raises:
            DamagedFileError: The file is not the model that this run saved.
        """
        from ccd.backbones.base import Representations

        tensors = self._read_model(USER_TENSOR, ITEM_TENSOR)
        return Representations(tensors[USER_TENSOR], tensors[ITEM_TENSOR])

    def _read_model(self, *only: str) -> dict[str, torch.Tensor]:
        from ccd.runs.model_file import IDENTITY, read_model

        identity = {name: str(self.about[name]) for name in IDENTITY if name in self.about}
        shapes, path = self.about["tensors"], self.folder / MODEL_FILE
        tensors = read_model(path, identity, shapes, only or None)
        own_file(self.folder, MODEL_FILE)  # also where what is wrong cannot be told
        return tensors

    @property
    def weights(self) -> dict[str, torch.Tensor]:
        """The weights at the best epoch, by name."""
        return {name: x for name, x in self.tensors.items() if name not in _RESULTS}

    @cached_property
    def evaluator(self) -> FullRanking:
        """The evaluator, with the metrics and cut-offs of the run."""
        evaluator: FullRanking = self._part("evaluator").factory()()
        return evaluator

    @property
    def data_dir(self) -> Path | None:
        """The folder that held the data set, where one was named with ``--data-dir``."""
        named = self.about.get("data_dir")
        return Path(named) if isinstance(named, str) else None

    def dataset(self, data_dir: str | Path | None = None) -> Dataset:
        """The data set that the run was trained on; of a refit, with everything in train.

        Args:
            data_dir: Folder to look in first, before the one that the run remembers,
                ``$CCD_DATA`` and ``./data``.

        Raises:
            DataError: It is not there, or its content is another one.
        """
        named = None if data_dir is None else as_path("data_dir", data_dir)
        folders = data_folders(named, remembered=self.data_dir)
        dataset: Dataset = self._part("dataset").factory()(folders)
        if dataset.fingerprint != self.fingerprint:
            raise DataError(
                f"the files of data set '{dataset.name}' have changed since the run was trained",
                where=self.folder / RUN_FILE,
                keys=("--data-dir",),
                hint="name the folder of the old files with --data-dir",
            )
        return dataset if self.result.refit is None else refit_data(dataset)

    def _part(self, slot: str) -> ConfigGraph:
        """What a slot of the experiment held, without the other parts."""
        from ccd.config.part import load_slot

        path = own_file(self.folder, OPERATIVE_FILE)
        return load_slot(path, slot, allow_imports=self.imports)

    def untrained(self, dataset: Dataset) -> Recommender:
        """The model as training found it: its initial weights depend on the seed alone."""
        return self.experiment.assemble(dataset, self.result.seed)

    def rebuild(self, dataset: Dataset) -> Recommender:
        """The model at the best epoch, with DMA's sample that was tested: nothing is drawn anew."""
        model = self.untrained(dataset)
        model.restore(self.weights, self.tensors.get(SAMPLE_TENSOR))
        return model


_RESULTS = (USER_TENSOR, ITEM_TENSOR, SAMPLE_TENSOR)
"""What is in the file of a model beside its weights."""


def open_runs(folder: str | Path, imports: Sequence[str] = ()) -> list[FinishedRun]:
    """The finished runs of a run folder, or the one whose own folder is given.

    Raises:
        ConfigError: There are none.
        ResourceError: The folder cannot be read.
    """
    folder = as_path("folder", folder)
    parent, only = folder, None
    with reading(folder, ResourceError):
        if _is_own(folder):
            if not (folder.parent / RESULTS_FILE).exists():
                folder = folder.resolve()  # of '.' or a link: the real one lies beside its list
            parent, only = folder.parent, folder
    runs = [
        FinishedRun(parent / slug(variant, seed), result, as_texts("allow_imports", imports))
        for (variant, seed), result in finished_runs(parent).items()
    ]
    found = [run for run in runs if only is None or run.folder.name == only.name]
    if not found:
        hint = _advice(parent, only)
        raise ConfigError("this folder holds no finished run", where=folder, hint=hint)
    return found


def _is_own(folder: Path) -> bool:
    """Whether it is a run's own folder, even where some of its files are missing."""
    return len(missing_files(folder)) < len(RUN_FILES) and not (folder / RESULTS_FILE).exists()


def _advice(parent: Path, only: Path | None) -> str:
    """What to do where none of a folder's runs is finished, or not the one that is asked for."""
    if only is not None and not (parent / RESULTS_FILE).exists():
        return f"there is no {parent / RESULTS_FILE}, which lists it; copy the whole run folder"
    for result in read_results(parent):
        run = parent / slug(result.variant, result.seed)
        if only is None or run.name == only.name:
            return (
                f"{run} lacks {', '.join(missing_files(run))}; copy it from where the run was "
                "made, or run the recipe again"
            )
    if notes := left_out(parent):
        return "; ".join([*notes[:3], "run the recipe again"])
    return "name the folder that 'ccd run' wrote last, or a run's own folder in it"


def left_out(folder: Path) -> list[str]:
    """A sentence for each run that ``open_runs`` of a run folder finds traces of, but not whole."""
    results, notes, listed = folder / RESULTS_FILE, [], set()
    with reading(folder, ResourceError):
        if results.exists() and has_torn_end(results):
            notes.append(f"the last line of {results} is torn, so the run in it is left out")
        for result in read_results(folder):
            run = folder / slug(result.variant, result.seed)
            listed.add(run.name)
            if missing := missing_files(run):
                notes.append(f"{run} lacks {', '.join(missing)}, so this run is left out")
        for path in sorted(folder.glob(f"*/{RUN_FILE}")) if results.exists() else ():
            if path.parent.name not in listed:
                notes.append(f"{path.parent} is not listed in {results.name}, so it is left out")
    return notes


def how_they_ran(runs: Iterable[FinishedRun]) -> dict[str, str]:
    """What ``how_it_ran`` says of runs of one variant; values that differ are joined by commas.

    Seeds of one variant may differ in it: a run folder may be continued with other threads.
    """
    found: dict[str, dict[str, None]] = {}
    for run in runs:
        for key, value in run.how_it_ran.items():
            found.setdefault(key, {})[value] = None
    return {key: ", ".join(sorted(values)) for key, values in found.items()}


def choose_run(
    folder: str | Path,
    variant: str | None = None,
    seed: int | None = None,
    imports: Sequence[str] = (),
) -> FinishedRun:
    """One run of a folder: of the variant and seed asked for, else the last variant's first seed.

    A variant that learned nothing, such as imported lists, is the last choice.

    Raises:
        ConfigError: There is no such run.
    """
    folder = as_path("folder", folder)
    runs = open_runs(folder, imports)
    names = list(dict.fromkeys(run.result.variant for run in runs))
    learned = [run.result.variant for run in runs if run.result.epochs > 1]
    wanted = (learned or names)[-1] if variant is None else as_text("variant", variant)
    seed = None if seed is None else as_whole("seed", seed)
    if wanted not in names:
        raise ConfigError(
            f"this folder has no finished run of '{wanted}'",
            where=folder,
            keys=("--variant",),
            hint=did_you_mean(wanted, names, "variants"),
        )
    of_variant = [run for run in runs if run.result.variant == wanted]
    seeds = [run.result.seed for run in of_variant]
    if seed is not None and seed not in seeds:
        raise ConfigError(
            f"this folder has no finished run of '{wanted}' with seed {seed}",
            where=folder,
            keys=("--seed",),
            hint=f"it has seeds {', '.join(map(str, seeds))}",
        )
    return of_variant[0 if seed is None else seeds.index(seed)]


def run_of(
    run: FinishedRun | str | Path,
    variant: str | None = None,
    seed: int | None = None,
    imports: Sequence[str] = (),
) -> FinishedRun:
    """A run that is opened already, or the one of a folder that ``choose_run`` gives.

    Raises:
        ConfigError: There is no such run, or an opened run is given together with an argument that
            chooses one of a folder.
    """
    if not isinstance(run, FinishedRun):
        return choose_run(as_path("run", run), variant, seed, imports)
    choices = {"variant": variant, "seed": seed, "allow_imports": imports or None}
    given = [name for name, value in choices.items() if value is not None]
    if given:
        raise ConfigError(
            f"an opened run has no use for {', '.join(given)}",
            keys=given,
            hint="leave it out, or name the run folder instead of the run",
        )
    return run

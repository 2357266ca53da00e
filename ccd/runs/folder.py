"""The run folder: what a run leaves behind, and what a second run into it may skip."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import ccd
from ccd.config.identity import Settings
from ccd.errors import ConfigError, ResourceError, reading
from ccd.files import (
    append_line,
    json_line,
    read_lines,
    refusing_io,
    repair_lines,
    replacing,
    write_json,
    write_text,
)
from ccd.runs.identity import config_hash, differences, slug
from ccd.runs.lock import HOLDER_FILE, FolderLock
from ccd.runs.manifest import MANIFEST_FILE, Manifest
from ccd.runs.own_folder import RUN_FILE, own_file, read_about
from ccd.runs.ownership import leftovers, refuse_foreign, remove_leftovers
from ccd.runs.per_user import PerUser, merge_per_user, write_per_user
from ccd.runs.records import EpochRecord, RunResult
from ccd.runs.sealed import digest_of, sealed
from ccd.runs.typed_lines import read_records

if TYPE_CHECKING:
    import torch

CONFIG_FILE = "config.gin"
OPERATIVE_FILE = "operative.gin"
USER_IDS_FILE = "user_ids.txt"
ITEM_IDS_FILE = "item_ids.txt"
HISTORY_FILE = "history.jsonl"
RESULTS_FILE = "results.jsonl"
PER_USER_FILE = "per_user.parquet"
MODEL_FILE = "model.safetensors"
RUN_FILES = (OPERATIVE_FILE, MODEL_FILE, PER_USER_FILE, RUN_FILE)
"""What the own folder of a finished run holds."""
TABLE_FILE = "table.md"
FIGURE_FILE = "ablation.png"
TOP_FILES = (
    MANIFEST_FILE, CONFIG_FILE, OPERATIVE_FILE, USER_IDS_FILE, ITEM_IDS_FILE, HISTORY_FILE,
    RESULTS_FILE, f"{HISTORY_FILE}.torn", f"{RESULTS_FILE}.torn", PER_USER_FILE, MODEL_FILE,
    TABLE_FILE, FIGURE_FILE, HOLDER_FILE,
)  # fmt: skip
"""What a run folder holds beside the runs' own folders."""
USER_TENSOR, ITEM_TENSOR = "user_representations", "item_representations"
"""Final representations, whose dot product is the score; beside the weights in the file."""
SAMPLE_TENSOR = "aligned_items"
"""DMA's sample of all items, which the final representations are fused with."""


def default_folder(recipe: str) -> Path:
    """A new ``runs/<recipe>-<time>-<random>``; two runs of one second do not share it."""
    stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
    return Path("runs") / f"{recipe}-{stamp}-{secrets.token_hex(2)}"


def read_results(folder: Path) -> list[RunResult]:
    """The finished runs of a folder, in the order they ended.

    Raises:
        DamagedFileError: A line is not a result.
    """
    return read_records(folder / RESULTS_FILE, RunResult, "a result")


def read_history(folder: Path) -> list[EpochRecord]:
    """The epochs of all runs of a folder, finished or not, in the order they were trained.

    Raises:
        DamagedFileError: A line is not an epoch.
    """
    return read_records(folder / HISTORY_FILE, EpochRecord, "an epoch")


def finished_runs(folder: Path) -> dict[tuple[str, int], RunResult]:
    """Result of each finished (variant, seed) of a folder whose own files are still there."""
    results = read_results(folder)
    with reading(folder, ResourceError):
        return {
            (result.variant, result.seed): result
            for result in results
            if not missing_files(folder / slug(result.variant, result.seed))
        }


def missing_files(run: Path) -> list[str]:
    """The files that a run's own folder lacks; none where the run is finished."""
    return [name for name in RUN_FILES if not (run / name).exists()]


def refuse_mixture(
    folder: Path, settings: Mapping[str, Mapping[str, str]], fingerprint: str
) -> None:
    """Refuse to add to, or skip, runs whose data or settings are not the ones asked for.

    This only reads, so it can be asked before the folder is opened for writing.

    Args:
        folder: A run folder, or where one will be.
        settings: Variant to the settings that make it up, ``Settings.identity``.
        fingerprint: Of the data set.

    Raises:
        ConfigError: The folder holds runs of other data, or of one of these variants with other
            settings.
    """
    for variant, seed in finished_runs(folder):
        about = read_about(folder / slug(variant, seed))
        changed = []
        if variant in settings:
            changed = differences(about["settings"], settings[variant])
        if not changed and about.get("dataset_fingerprint") != fingerprint:
            changed = [f"the data set was {about.get('dataset')} and has other content now"]
        if changed:
            more = [f"and {len(changed) - 3} more"] if len(changed) > 3 else []
            raise ConfigError(
                f"this run folder holds {variant}, seed {seed}, with another configuration",
                where=folder,
                keys=("--out",),
                details=[*changed[:3], *more],
                hint="choose another --out, or none",
            )


@dataclass(frozen=True)
class _Begun:
    """What is known of a run before it is trained."""

    settings: Settings
    fingerprint: str
    data_dir: Path | None


class RunFolder:
    """A run folder, locked for this process while the ``with`` block lasts.

    Per run there is a sub-folder ``<variant>-<seed>`` with its settings, its model and its per-user
    metrics. Once these are complete, a line in ``results.jsonl`` makes the run finished. The files
    on top are made of what is finished: anew after each run and whenever the folder is opened, so
    nothing that goes wrong with them can cost a trained run.

    Args:
        path: The folder; created if it is not there.
        metric: Validation metric by which ``model.safetensors`` on top is chosen.
    """

    def __init__(self, path: str | Path, *, metric: str) -> None:
        self.path = Path(path)
        self.notes: list[str] = []
        self.manifest: Manifest
        self._metric = metric
        self._begun: dict[tuple[str, int], _Begun] = {}

    def __enter__(self) -> RunFolder:
        """Lock the folder and tidy what a crash left.

        Raises:
            ConfigError: The path is something other than a run folder.
            DamagedFileError: A file of a finished run cannot be used; better now than when the
                next one is trained.
            LockedError: Another live process writes into it.
            ResourceError: It cannot be written.
        """
        with reading(self.path, ResourceError):
            refuse_foreign(self.path)
        with refusing_io(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
        self._lock = FolderLock(self.path)
        taken_over = self._lock.acquire()
        try:
            remove_leftovers(self.path, TOP_FILES, RUN_FILES)
            torn = [repair_lines(self.path / name) for name in (HISTORY_FILE, RESULTS_FILE)]
            self.manifest = Manifest(self.path)
            self._refresh_top()
        except BaseException:
            self._lock.release()
            raise
        self.notes += [note for note in (taken_over, *torn) if note]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Say in the manifest how it ended, and unlock."""
        try:
            if kind is None:
                self.manifest.close("finished")
            elif issubclass(kind, KeyboardInterrupt):
                self.manifest.close("stopped")
            else:
                self.manifest.close("failed", {"kind": kind.__name__, "message": str(error)})
        finally:
            self._lock.release()

    def run_folder(self, variant: str, seed: int) -> Path:
        """The sub-folder of one run."""
        return self.path / slug(variant, seed)

    def write_config(self, text: str) -> None:
        """Write ``config.gin``: the recipe after its includes and all bindings."""
        write_text(self.path / CONFIG_FILE, text)
        self.manifest.keep_digest(CONFIG_FILE)

    def write_operative(self, text: str) -> None:
        """Write ``operative.gin``: the settings that were really used."""
        write_text(self.path / OPERATIVE_FILE, text)

    def write_ids(self, user_ids: Sequence[str], item_ids: Sequence[str]) -> None:
        """Write ``user_ids.txt`` and ``item_ids.txt``, where a data set's ids are not positions.

        Line i + 1 is the id of the user that ``per_user.parquet`` calls i, whose representation is
        row i.
        """
        for name, ids in ((USER_IDS_FILE, user_ids), (ITEM_IDS_FILE, item_ids)):
            if ids:
                write_text(self.path / name, "".join(f"{text}\n" for text in ids))
            else:  # an earlier attempt's, on other data
                (self.path / name).unlink(missing_ok=True)
            self.manifest.keep_digest(name)

    def finished(self) -> dict[tuple[str, int], RunResult]:
        """Result of each finished (variant, seed) whose own files are still there."""
        return finished_runs(self.path)

    def begin(
        self,
        variant: str,
        seed: int,
        *,
        settings: Settings,
        fingerprint: str,
        data_dir: Path | None = None,
    ) -> RunResult | None:
        """Make ready for one run, or find that it is finished.

        Args:
            variant: Name of the variant.
            seed: Its seed.
            settings: All settings of the variant, the seed apart. How it runs may be another than
                in what the folder holds.
            fingerprint: Of the data set.
            data_dir: The folder that was named for it; readers of the run look there too.

        Returns:
            The result if the run is finished; None if it shall be trained now. What an earlier,
            unfinished attempt left is then removed.

        Raises:
            ConfigError: The folder holds runs of other data, or of this variant with other
                settings.
        """
        refuse_mixture(self.path, {variant: settings.identity}, fingerprint)
        finished = self.finished()
        self._begun[(variant, seed)] = _Begun(settings, fingerprint, data_dir)
        if (variant, seed) in finished:
            return finished[(variant, seed)]
        for name in (HISTORY_FILE, RESULTS_FILE):
            self._forget(self.path / name, variant, seed)
        folder = self.run_folder(variant, seed)
        with refusing_io(folder):
            folder.mkdir(exist_ok=True)
            for path in (*(folder / name for name in RUN_FILES), *leftovers(folder, RUN_FILES)):
                path.unlink(missing_ok=True)
        return None

    def record_epoch(self, record: EpochRecord) -> None:
        """Add one line to ``history.jsonl``."""
        append_line(self.path / HISTORY_FILE, sealed(record.to_json()))

    def record_finished(
        self,
        result: RunResult,
        *,
        tensors: Mapping[str, torch.Tensor],
        per_user: PerUser,
        operative: str,
    ) -> None:
        """Keep everything of a finished run; ``begin`` was called for it before.

        Args:
            result: Its metrics and times.
            tensors: The model at the best epoch.
            per_user: Test metrics per user.
            operative: The settings that were really used.

        Raises:
            ResourceError: The disk is full or read-only. The run counts as finished if its own
                files were written, whatever became of those on top.
        """
        from ccd.runs.model_file import shapes_of, write_model

        # 1. The test split was opened: that counts even if nothing below succeeds.
        self.manifest.count_test_opening()
        # 2. The run's own files.
        key = (result.variant, result.seed)
        begun = self._begun[key]
        about = {
            "variant": result.variant,
            "seed": str(result.seed),
            "dataset": result.dataset,
            "dataset_fingerprint": begun.fingerprint,
            "ccd_version": ccd.__version__,
            "config_hash": config_hash(begun.settings.identity, begun.fingerprint),
        }
        folder = self.run_folder(*key)
        write_text(folder / OPERATIVE_FILE, operative)
        write_model(folder / MODEL_FILE, tensors, about)
        write_per_user(folder / PER_USER_FILE, *key, per_user)
        own = {
            "seed": result.seed,
            "select": self._metric,
            "data_dir": str(begun.data_dir.resolve()) if begun.data_dir is not None else None,
            "settings": begun.settings.identity,
            "how_it_ran": begun.settings.how,
            "tensors": shapes_of(tensors),
            "files": {name: digest_of(folder / name) for name in RUN_FILES if name != RUN_FILE},
        }
        write_json(folder / RUN_FILE, sealed({**about, **own}))
        # 3. The line that makes it finished.
        append_line(self.path / RESULTS_FILE, sealed(result.to_json()))
        # 4. What can be made again at any time.
        self._refresh_top()

    def _refresh_top(self) -> None:
        """Make the files on top from those of all finished runs."""
        runs = self.finished()
        if not runs:
            return
        parts = [own_file(self.run_folder(*run), PER_USER_FILE) for run in runs]
        merge_per_user(self.path / PER_USER_FILE, parts)
        best = max(runs, key=lambda run: runs[run].valid.get(self._metric, float("-inf")))
        _link(self.run_folder(*best) / MODEL_FILE, self.path / MODEL_FILE)

    def _forget(self, path: Path, variant: str, seed: int) -> None:
        """Drop the lines of one run."""
        lines = read_lines(path)
        kept = [x for x in lines if (x.get("variant"), x.get("seed")) != (variant, seed)]
        if len(kept) < len(lines):
            write_text(path, "".join(json_line(record) + "\n" for record in kept))


def _link(source: Path, target: Path) -> None:
    """Make ``target`` the same file as ``source``, or a copy where the disk has no hard links."""
    with replacing(target) as temporary:
        try:
            os.link(source, temporary)
        except OSError:
            shutil.copyfile(source, temporary)

"""A run folder that is open for writing: what a run leaves behind, and what a second may skip."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import ccd
from ccd.config.identity import Settings
from ccd.errors import NumericError, ResourceError, reading
from ccd.files import (
    append_line,
    file_hash,
    refusing_io,
    repair_lines,
    replacing,
    twice,
    write_json,
    write_text,
)
from ccd.runs.checkpoints import CHECKPOINT_FILE, Kept, RunCheckpoint
from ccd.runs.command import own_command
from ccd.runs.diverged import read_diverged, write_diverged
from ccd.runs.folder import (
    CONFIG_FILE,
    HISTORY_FILE,
    ITEM_IDS_FILE,
    MODEL_FILE,
    OPERATIVE_FILE,
    OWN_FILES,
    PER_USER_FILE,
    RESULTS_FILE,
    RUN_FILES,
    TOP_FILES,
    USER_IDS_FILE,
    finished_runs,
    refuse_mixture,
    trained_now,
)
from ccd.runs.identity import config_hash, slug
from ccd.runs.lines import epochs_of, forget
from ccd.runs.lock import FolderLock, Lease
from ccd.runs.manifest import Manifest
from ccd.runs.own_folder import RUN_FILE, own_file
from ccd.runs.ownership import leftovers, refuse_foreign, remove_leftovers
from ccd.runs.per_user import PerUser, merge_per_user, write_per_user
from ccd.runs.records import EpochRecord, RunResult
from ccd.runs.sealed import sealed

if TYPE_CHECKING:
    import torch

    from ccd.training.checkpoint import Checkpoint


@dataclass(frozen=True)
class _Begun:
    """What is known of a run before it is trained."""

    kept: Kept
    settings: Settings
    data_dir: Path | None
    checkpoint: RunCheckpoint


class RunFolder:
    """A run folder that is open for writing while the ``with`` block lasts.

    Several processes may have it open. What they share is changed by one at a time, and each run is
    trained by the one that has its lease (``leasing``).

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
        self._metric, self._command = metric, own_command()
        self._begun: dict[tuple[str, int], _Begun] = {}
        self._leases: dict[tuple[str, int], Lease] = {}

    def __enter__(self) -> RunFolder:
        """Tidy what a crash left.

        Raises:
            ConfigError: The path is something other than a run folder.
            DamagedFileError: A file of a finished run cannot be used; better now than when the
                next one is trained.
            LockedError: Another process hangs while it changes it.
            ResourceError: It cannot be written.
        """
        with reading(self.path, ResourceError):
            refuse_foreign(self.path)
        with refusing_io(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
        self._lock = FolderLock(self.path)
        with self.changing():
            remove_leftovers(self.path, TOP_FILES, OWN_FILES)
            torn = [repair_lines(self.path / name) for name in (HISTORY_FILE, RESULTS_FILE)]
            self.manifest = Manifest(self.path)
            self._refresh_top()
        self.notes += [note for note in torn if note]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Say in the manifest how it ended."""
        with self.changing():
            if kind is None:
                self.manifest.close("finished")
            elif issubclass(kind, KeyboardInterrupt):
                self.manifest.close("stopped")
            else:
                self.manifest.close("failed", {"kind": kind.__name__, "message": str(error)})

    def changing(self) -> AbstractContextManager[None]:
        """Keeps other processes from changing the files on top while the block lasts."""
        return self._lock.held()

    @contextmanager
    def leasing(self, variant: str, seed: int) -> Iterator[str | None]:
        """Have a run to oneself while the block lasts; otherwise the block is told who has it."""
        lease = Lease(self.path, slug(variant, seed))
        if not lease.take():
            yield lease.holder()
            return
        self._leases[(variant, seed)] = lease
        lease.tell()
        try:
            yield None
        finally:
            del self._leases[(variant, seed)]
            lease.release()

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

    def known(self) -> list[tuple[str, int]]:
        """The runs that are finished, then those that live processes train."""
        now = [(kept.variant, kept.seed) for kept in trained_now(self.path)]
        return [*self.finished(), *now]

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
        checkpoint: Checkpoint | None = None,
        fresh: bool = False,
    ) -> RunResult | None:
        """Make ready for one run, or find that it is finished.

        Args:
            variant: Name of the variant.
            seed: Its seed.
            settings: All settings of the variant, the seed apart. How it runs may be another than
                in what the folder holds.
            fingerprint: Of the data set.
            data_dir: The folder that was named for it; readers of the run look there too.
            checkpoint: How often its state is kept; None for never.
            fresh: Whether it shall start anew, whatever an earlier command has kept.

        Returns:
            The result if the run is finished; None if it shall be trained now, from ``state`` on.
            What an unfinished attempt left beside that is then removed.

        Raises:
            ConfigError: The folder holds runs of other data, or of this variant with other
                settings.
            NumericError: It diverged before its first evaluation, as ``keeping_divergence`` noted.
        """
        with self.changing():
            return self._begin(variant, seed, settings, fingerprint, data_dir, checkpoint, fresh)

    def _begin(
        self,
        variant: str,
        seed: int,
        settings: Settings,
        fingerprint: str,
        data_dir: Path | None,
        checkpoint: Checkpoint | None,
        fresh: bool,
    ) -> RunResult | None:
        refuse_mixture(self.path, {variant: settings.identity}, fingerprint, fresh=fresh)
        finished = self.finished()
        folder = self.run_folder(variant, seed)
        kept = Kept(variant, seed, dict(settings.identity), fingerprint, command=self._command)
        own = RunCheckpoint(folder / CHECKPOINT_FILE, kept, checkpoint)
        self._begun[(variant, seed)] = _Begun(kept, settings, data_dir, own)
        if (variant, seed) in finished:
            own.remove()  # a crash may have come between the result and this
            return finished[(variant, seed)]
        if (diverged := read_diverged(folder, kept, fresh=fresh)) is not None:
            raise diverged
        if (variant, seed) in self._leases:
            self._leases[(variant, seed)].tell(dict(vars(kept)))
        own.read(lambda: epochs_of(self.path / HISTORY_FILE, variant, seed), fresh=fresh)
        forget(self.path / RESULTS_FILE, variant, seed)
        forget(self.path / HISTORY_FILE, variant, seed, own.epochs)
        stale = {*OWN_FILES} - ({CHECKPOINT_FILE} if own.epochs else set())
        with refusing_io(folder):
            folder.mkdir(exist_ok=True)
            for file in (*(folder / name for name in stale), *leftovers(folder, OWN_FILES)):
                file.unlink(missing_ok=True)
        return None

    def checkpoint(self, variant: str, seed: int) -> RunCheckpoint:
        """The checkpoint of a run that ``begin`` was called for."""
        return self._begun[(variant, seed)].checkpoint

    @contextmanager
    def keeping_divergence(self, variant: str, seed: int) -> Iterator[None]:
        """Note what a run that ``begin`` was called for diverges with, where the block raises it.

        Whoever comes to the run later is told the same, instead of training it again.
        """
        try:
            yield
        except NumericError as error:
            with suppress(ResourceError):  # it would only be trained again
                kept = self._begun[(variant, seed)].kept
                write_diverged(self.run_folder(variant, seed), kept, error)
            raise

    def record_epoch(self, record: EpochRecord) -> None:
        """Add one line to ``history.jsonl``."""
        self._append(HISTORY_FILE, record.to_json())

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
        # 1. The test split was opened: that counts even if nothing below succeeds.
        if result.refit is None:
            with self.changing():
                self.manifest.count_test_opening()
        # 2. The run's own files.
        twice(lambda: self._write_own(result, tensors, per_user, operative))
        with self.changing():
            # 3. The line that makes it finished, and makes its checkpoint superfluous.
            twice(lambda: self._append(RESULTS_FILE, result.to_json()))
            self.checkpoint(result.variant, result.seed).remove()
            # 4. What can be made again at any time.
            self._refresh_top()

    def _append(self, name: str, record: dict[str, Any]) -> None:
        """Add one line, where nobody else adds one; one that died may have left half a line."""
        with self.changing():
            repair_lines(self.path / name, quick=True)
            append_line(self.path / name, sealed(record))

    def _write_own(
        self,
        result: RunResult,
        tensors: Mapping[str, torch.Tensor],
        per_user: PerUser,
        operative: str,
    ) -> None:
        """Write the files in a run's own folder."""
        from ccd.runs.model_file import shapes_of, write_model

        key = (result.variant, result.seed)
        begun = self._begun[key]
        about = {
            "variant": result.variant,
            "seed": str(result.seed),
            "dataset": result.dataset,
            "dataset_fingerprint": begun.kept.fingerprint,
            "ccd_version": ccd.__version__,
            "config_hash": config_hash(begun.settings.identity, begun.kept.fingerprint),
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
            "files": {name: file_hash(folder / name) for name in RUN_FILES if name != RUN_FILE},
        }
        write_json(folder / RUN_FILE, sealed({**about, **own}))

    def _refresh_top(self) -> None:
        """Make the files on top from those of all finished runs."""
        runs = self.finished()
        if not runs:
            return
        parts = [own_file(self.run_folder(*run), PER_USER_FILE) for run in runs]
        merge_per_user(self.path / PER_USER_FILE, parts)
        best = max(runs, key=lambda run: runs[run].valid.get(self._metric, float("-inf")))
        _link(self.run_folder(*best) / MODEL_FILE, self.path / MODEL_FILE)


def _link(source: Path, target: Path) -> None:
    """Make ``target`` the same file as ``source``, or a copy where the disk has no hard links."""
    with replacing(target) as temporary:
        try:
            os.link(source, temporary)
        except OSError:
            shutil.copyfile(source, temporary)

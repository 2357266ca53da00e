"""The finished runs of a folder as a notebook wants them: results, histories, values per user."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import index
from pathlib import Path
from typing import TYPE_CHECKING, Any, SupportsIndex, overload

from ccd.arguments import as_path, as_texts
from ccd.errors import ConfigError
from ccd.finished.runs import FinishedRun, choose_run, left_out, open_runs
from ccd.runs.records import RunResult
from ccd.suggestions import did_you_mean

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class RunResults:
    """What a run leaves: its folder, and one result for each (variant, seed).

    Attributes:
        folder: The run folder.
        results: One for each (variant, seed).
        allow_imports: Python modules that the runs' settings may import.
        notes: Which runs of the folder are left out, and why.
    """

    folder: Path
    results: tuple[RunResult, ...]
    allow_imports: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        of_variant = (f"{name} ({len(self[name])})" for name in self.variants)
        return f"<RunResults of {self.folder}: {', '.join(of_variant)}>"

    def __len__(self) -> int:
        return len(self.results)

    def __iter__(self) -> Iterator[RunResult]:
        return iter(self.results)

    def __contains__(self, wanted: object) -> bool:
        """Whether there is that result, or a result of the variant with that name."""
        return wanted in (self.variants if isinstance(wanted, str) else self.results)

    @overload
    def __getitem__(self, wanted: SupportsIndex) -> RunResult: ...
    @overload
    def __getitem__(self, wanted: str | slice) -> list[RunResult]: ...
    def __getitem__(self, wanted: str | slice | SupportsIndex) -> RunResult | list[RunResult]:
        """The results of the variant with that name, by seed, or those at a place in the list.

        Raises:
            KeyError: There are none; the message names the variants that have some.
            IndexError: There is no such place.
        """
        if isinstance(wanted, slice):
            return list(self.results[wanted])
        if isinstance(wanted, SupportsIndex) and not isinstance(wanted, bool):
            return self.results[index(wanted)]
        found = [result for result in self.results if result.variant == wanted]
        if not found:
            hint = did_you_mean(str(wanted), self.variants, list_all=True)
            raise KeyError(f"no result of '{wanted}'; {hint}")
        return found

    @property
    def variants(self) -> list[str]:
        """Names of the variants that have results."""
        return list(dict.fromkeys(result.variant for result in self.results))

    @cached_property
    def runs(self) -> list[FinishedRun]:
        """The runs themselves: settings, model, data set."""
        keys = {(result.variant, result.seed) for result in self.results}
        every = open_runs(self.folder, self.allow_imports)
        return [run for run in every if (run.result.variant, run.result.seed) in keys]

    def run(self, variant: str | None = None, seed: int | None = None) -> FinishedRun:
        """One run: by default the last variant's first seed.

        Raises:
            ConfigError: There is no such run.
        """
        return choose_run(self.folder, variant, seed, self.allow_imports)

    def metrics(self) -> pa.Table:
        """A row for each (variant, seed).

        Columns are ``variant``, ``seed``, ``dataset``, ``best_epoch``, ``epochs``,
        ``seconds``, ``peak_rss_mb``, and each metric as ``valid/recall@20`` and
        ``test/recall@20``.
        """
        return _table(
            {
                "variant": result.variant,
                "seed": result.seed,
                "dataset": result.dataset,
                "best_epoch": result.best_epoch,
                "epochs": result.epochs,
                "seconds": result.seconds.get("total"),
                "peak_rss_mb": result.peak_rss_mb,
                **result.measures,
            }
            for result in self.results
        )

    def history(self) -> pa.Table:
        """A row for each epoch of each run.

        Columns are ``variant``, ``seed``, ``epoch``, ``negatives_from``, each loss term as
        ``loss/total``, each validation metric as ``valid/recall@20``, seconds as
        ``seconds/train``, and what the probe measured of the negatives as
        ``negatives/hard_false``.
        """
        return _table(
            {
                "variant": epoch.variant,
                "seed": epoch.seed,
                "epoch": epoch.epoch,
                "negatives_from": epoch.source.label,
                **epoch.measures,
            }
            for run in self.runs
            for epoch in run.history
        )

    def per_user(self) -> pa.Table:
        """A row for each test user of each run, with the test metrics.

        Columns are ``variant``, ``seed``, ``user`` (the id in the data set's files) and a column
        for each metric.
        """
        import numpy as np
        import pyarrow as pa

        tables = []
        for run in self.runs:
            users, ids = run.per_user.users, run.user_ids
            names = np.asarray(ids)[users] if ids else users.astype(str)
            n = len(users)
            columns: dict[str, Any] = {
                "variant": [run.result.variant] * n,
                "seed": [run.result.seed] * n,
                "user": names,
                **run.per_user.metrics,
            }
            tables.append(pa.table(columns))
        return pa.concat_tables(tables, promote_options="default")


def load_run(folder: str | Path, *, allow_imports: Sequence[str] = ()) -> RunResults:
    """The finished runs of a run folder, or the one whose own folder is given.

    Args:
        folder: What ``ccd run`` wrote.
        allow_imports: Python modules with parts of your own; only needed to rebuild models.

    Raises:
        ConfigError: There is no finished run.
        DamagedFileError: A file in it cannot be used.
    """
    imports, place = as_texts("allow_imports", allow_imports), as_path("folder", folder)
    if not place.exists():
        raise ConfigError("there is no such folder", where=place, hint="name a run folder")
    runs = open_runs(place, imports)
    results = tuple(run.result for run in runs)
    return RunResults(place, results, imports, tuple(left_out(place)))


def _table(records: Iterator[dict[str, Any]]) -> pa.Table:
    """Records as a table; what a record lacks is null."""
    import pyarrow as pa

    rows = list(records)
    names = list(dict.fromkeys(name for row in rows for name in row))
    return pa.table({name: [row.get(name) for row in rows] for name in names})

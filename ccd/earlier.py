"""Runs that are made from earlier ones: refits on all data, and starts from their weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ccd.datasets.dataset import Dataset
from ccd.errors import ConfigError
from ccd.finished.runs import FinishedRun, choose_run
from ccd.runs.identity import config_hash, differences
from ccd.training.recommender import Recommender
from ccd.training.transfer import Matching, Start, match_ids, misfits

REFIT, FROM = "--refit", "--from"
_SHOWN = 5


class Earlier:
    """The runs that those of a recipe are made from, each from that of its variant and seed.

    Args:
        refit: A run folder: its runs are trained anew, on all data, for as many epochs as each had
            at its best; None for none.
        start: A run folder: training begins with the weights of its runs; None for none.
        match_ids: Whether the users and items of ``start`` may be others, so that those that both
            have are found by their ids.
        imports: Python modules that the settings of the runs may import.

    Raises:
        ConfigError: Both are named.
    """

    def __init__(
        self,
        refit: Path | None = None,
        start: Path | None = None,
        match_ids: bool = False,
        imports: Sequence[str] = (),
    ) -> None:
        if refit is not None and start is not None:
            raise ConfigError(
                "a refit starts anew, so it takes no weights of another run",
                keys=(REFIT, FROM),
                hint="name one of the two",
            )
        self.refit, self._start, self._match_ids = refit is not None, start is not None, match_ids
        self._folder, self._imports = refit or start, tuple(imports)
        self._option = REFIT if self.refit else FROM
        self._runs: dict[tuple[str, int], FinishedRun] = {}

    def settings(self, variant: str, seed: int) -> dict[str, str]:
        """What makes the run another one than without an earlier run; all its seeds have it."""
        if self._folder is None:
            return {}
        run = self._run(variant, seed)
        return {self._option: f"{variant} {config_hash(run.settings, run.fingerprint)}"}

    def has(self, variant: str, seed: int) -> bool:
        """Whether there is a run to be made from, or none is needed."""
        try:
            self.settings(variant, seed)
        except ConfigError:
            return False
        return True

    @property
    def told(self) -> str | None:
        """The option and folder, for people; None where there is none."""
        return None if self._folder is None else f"{self._option} {self._folder}"

    def refit_of(self, variant: str, seed: int) -> str | None:
        """Which run a refit is of; None where it is none."""
        return str(self._run(variant, seed).folder) if self.refit else None

    def epochs(self, variant: str, seed: int) -> int | None:
        """How many epochs a refit is trained; None where early stopping decides."""
        return self._run(variant, seed).result.best_epoch + 1 if self.refit else None

    def check(
        self,
        variant: str,
        seeds: Sequence[int],
        settings: Mapping[str, str],
        dataset: Dataset,
        model: Recommender,
    ) -> None:
        """Refuse runs that do not match.

        Args:
            variant: The variant.
            seeds: Its seeds.
            settings: All that makes the variant what it is.
            dataset: What is trained on.
            model: The model as it was built.

        Raises:
            ConfigError: There is no such run, or it has other settings, data or weights.
        """
        for seed in seeds if self._folder is not None else ():
            run = self._run(variant, seed)
            about = self._about_data(run, dataset)
            if self.refit:
                changed = differences(run.settings, settings)
                if run.fingerprint != dataset.fingerprint:
                    changed += about or ["the data set has other interactions or features now"]
                self._refuse(run, changed, "choose the recipe and data of that run")
                continue
            hint = "choose the variant and settings of the run"
            self._refuse(run, misfits(model, run.weights), hint)
            hint = "add --match-ids to take over the users and items that both have"
            self._refuse(run, [] if self._match_ids else about, hint)

    def start(self, variant: str, seed: int, dataset: Dataset) -> Start | None:
        """The weights that a run begins with; None for random ones."""
        if not self._start:
            return None
        run = self._run(variant, seed)
        users, items = _ids_of(run)
        matching = Matching(
            match_ids(users, _ids(dataset.user_ids, dataset.n_users)),
            match_ids(items, _ids(dataset.item_ids, dataset.n_items)),
        )
        return Start(run.weights, run.representations.items, matching)

    def _run(self, variant: str, seed: int) -> FinishedRun:
        if (variant, seed) not in self._runs:
            assert self._folder is not None, "asked only where a folder is named"
            try:
                run = choose_run(self._folder, variant, seed, self._imports)
            except ConfigError as error:
                raise ConfigError(
                    f"{variant} seed {seed} has no run to be made from: {error.what}",
                    where=self._folder,
                    keys=(self._option,),
                    found=error.found,
                    details=[error.hint] if error.hint else (),
                    hint=f"leave it out with --only or --seed, or train it in {self._folder} first",
                ) from error
            self._runs[(variant, seed)] = run
        return self._runs[(variant, seed)]

    def _about_data(self, run: FinishedRun, dataset: Dataset) -> list[str]:
        """What is different in users and items."""
        users, items = _ids_of(run)
        found = []
        for kind, before, now in (
            ("users", users, _ids(dataset.user_ids, dataset.n_users)),
            ("items", items, _ids(dataset.item_ids, dataset.n_items)),
        ):
            gone, new = len({*before} - {*now}), len({*now} - {*before})
            if gone or new:
                found.append(f"{kind}: {new:,} are new, {gone:,} are gone, of {len(before):,}")
        return found

    def _refuse(self, run: FinishedRun, changed: Sequence[str], hint: str) -> None:
        if not changed:
            return
        more = [f"and {len(changed) - _SHOWN} more"] if len(changed) > _SHOWN else []
        raise ConfigError(
            f"{run.result.variant}, seed {run.result.seed}, does not match this run",
            where=run.folder,
            keys=(self._option,),
            details=[*changed[:_SHOWN], *more],
            hint=hint,
        )


def _ids_of(run: FinishedRun) -> tuple[Sequence[str], Sequence[str]]:
    """Ids of the users and items that a run was trained on."""
    users, items, _ = run.representations
    return _ids(run.user_ids, len(users)), _ids(run.item_ids, len(items))


def _ids(ids: Sequence[str], n: int) -> Sequence[str]:
    return ids or [str(position) for position in range(n)]

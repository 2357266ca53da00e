"""What a run folder holds, and whether it may be added to."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

from ccd.errors import ConfigError, ResourceError, reading
from ccd.runs.checkpoints import CHECKPOINT_FILE, Kept, read_kept
from ccd.runs.diverged import DIVERGED_FILE
from ccd.runs.identity import differences, slug
from ccd.runs.lock import leases
from ccd.runs.manifest import MANIFEST_FILE
from ccd.runs.own_folder import RUN_FILE, read_about
from ccd.runs.records import EpochRecord, RunResult
from ccd.runs.typed_lines import read_records

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
OWN_FILES = (*RUN_FILES, CHECKPOINT_FILE, DIVERGED_FILE)
"""What ccd writes into a run's own folder, finished or not."""
TABLE_FILE = "table.md"
FIGURE_FILE = "ablation.png"
TOP_FILES = (
    MANIFEST_FILE, CONFIG_FILE, OPERATIVE_FILE, USER_IDS_FILE, ITEM_IDS_FILE, HISTORY_FILE,
    RESULTS_FILE, f"{HISTORY_FILE}.torn", f"{RESULTS_FILE}.torn", PER_USER_FILE, MODEL_FILE,
    TABLE_FILE, FIGURE_FILE,
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


def unfinished_runs(folder: Path) -> list[Kept]:
    """What the checkpoints of a folder are of, whose runs did not end."""
    with reading(folder, ResourceError):
        found = [read_kept(path) for path in sorted(folder.glob(f"*/{CHECKPOINT_FILE}"))]
    ended = finished_runs(folder)
    return [kept for kept in found if kept is not None and (kept.variant, kept.seed) not in ended]


def trained_now(folder: Path) -> list[Kept]:
    """What live processes train in a folder at this moment."""
    told = (lease.about() for lease in leases(folder))
    return [Kept(**about) for about in told if about is not None]


def missing_files(run: Path) -> list[str]:
    """The files that a run's own folder lacks; none where the run is finished."""
    return [name for name in RUN_FILES if not (run / name).exists()]


def refuse_mixture(
    folder: Path,
    settings: Mapping[str, Mapping[str, str]],
    fingerprint: str,
    *,
    fresh: bool = False,
) -> None:
    """Refuse to add to, or skip, runs whose data or settings are not the ones asked for.

    This only reads, so it can be asked before the folder is opened for writing.

    Args:
        folder: A run folder, or where one will be.
        settings: Variant to the settings that make it up, ``Settings.identity``.
        fingerprint: Of the data set.
        fresh: Whether runs that did not end shall start anew, so that theirs do not matter.

    Raises:
        ConfigError: The folder holds runs of other data, or of one of these variants with other
            settings, or two variants would share a folder where upper and lower case are one.
    """
    ended = {pair: read_about(folder / slug(*pair)) for pair in finished_runs(folder)}
    waiting = [] if fresh else unfinished_runs(folder)
    begun = {
        (kept.variant, kept.seed): {**vars(kept), "dataset_fingerprint": kept.fingerprint}
        for kept in (*waiting, *trained_now(folder))
    }
    _refuse_alike(folder, [*settings, *(variant for variant, _ in {**begun, **ended})])
    for (variant, seed), about in {**begun, **ended}.items():
        changed = []
        if variant in settings:
            changed = differences(about["settings"], settings[variant])
        if not changed and about.get("dataset_fingerprint") != fingerprint:
            was = f" was {about['dataset']} and" if "dataset" in about else ""
            changed = [f"the data set{was} has other content now"]
        if changed:
            more = [f"and {len(changed) - 3} more"] if len(changed) > 3 else []
            epochs, anew = "", ""
            if (variant, seed) not in ended and about["epochs"]:
                epochs = f", trained for {about['epochs']} epochs"
                anew = ", or start this run anew with --fresh"
            raise ConfigError(
                f"this run folder holds {variant}, seed {seed}{epochs}, with another configuration",
                where=folder,
                keys=("--out",),
                details=[*changed[:3], *more],
                hint=f"choose another --out, or none{anew}",
            )


def _refuse_alike(folder: Path, variants: Iterable[str]) -> None:
    """Refuse variants whose folders are one on a disk that ignores case; it may be copied there."""
    taken: dict[str, str] = {}
    for variant in variants:
        other = taken.setdefault(slug(variant, 0).casefold(), variant)
        if other != variant:
            raise ConfigError(
                f"variants '{other}' and '{variant}' differ in upper and lower case only, so many "
                "disks would keep them in one folder",
                where=folder,
                hint="give one of them another name, or choose another --out",
            )

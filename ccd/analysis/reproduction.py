"""How finished runs are run again, by someone who has nothing but this text."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from ccd.errors import DamagedFileError, reading
from ccd.finished.runs import FinishedRun
from ccd.runs.folder import CONFIG_FILE
from ccd.runs.manifest import read_manifest, refuse_changed_top


class Reproduction(NamedTuple):
    """Name of each recipe file to its text, and the commands that run them."""

    recipes: dict[str, str]
    commands: tuple[str, ...]


def reproduction(runs: Sequence[FinishedRun]) -> Reproduction:
    """The recipes and commands that train ``runs`` again; a folder without ``config.gin`` has none.

    Args:
        runs: Finished runs.
    """
    recipes: dict[str, str] = {}
    commands: list[str] = []
    homes = list(dict.fromkeys(run.folder.parent for run in runs))
    for home in homes:
        path = home / CONFIG_FILE
        if not path.exists():
            continue
        name = _file_name(home, recipes) if len(homes) > 1 else CONFIG_FILE
        members = [run for run in runs if run.folder.parent == home]
        refuse_changed_top(path)
        with reading(path, DamagedFileError):
            recipes[name] = path.read_text(encoding="utf-8")
        manifest = read_manifest(home)
        commands += [shlex.join(command) for command in _commands(name, manifest, members)]
    return Reproduction(recipes, tuple(commands))


def _file_name(home: Path, taken: Collection[str]) -> str:
    """After the folder; a second folder of that name has a number."""
    stem = home.resolve().name
    names = (f"{stem}{f'-{i}' if i > 1 else ''}.gin" for i in count(1))
    return next(name for name in names if name not in taken)


def _commands(
    name: str, manifest: Mapping[str, Any], runs: Sequence[FinishedRun]
) -> list[list[str]]:
    """The fewest commands that train these runs and no others: one per set of seeds."""
    seeds_of: dict[str, list[int]] = {}
    for run in runs:
        seeds_of.setdefault(run.result.variant, []).append(run.result.seed)
    variants_of: dict[tuple[int, ...], list[str]] = {}
    for variant, own in seeds_of.items():
        variants_of.setdefault(tuple(sorted(own)), []).append(variant)
    commands = []
    for seeds, variants in variants_of.items():
        command = ["ccd", "run", name]
        if set(variants) != set(manifest.get("variants", ())):
            command += [part for variant in variants for part in ("--only", variant)]
        if set(seeds) != set(manifest.get("seeds", ())):
            command += [part for seed in seeds for part in ("--seed", str(seed))]
        if len(variants_of) > 1:  # into one folder
            command += ["--out", f"runs/{Path(name).stem}"]
        command += [
            part for module in manifest.get("imports", ()) for part in ("--allow-import", module)
        ]
        commands.append(command)
    return commands

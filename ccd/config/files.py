"""Where gin files are looked up, and how their paths are shown."""

from __future__ import annotations

import shlex
from pathlib import Path

from ccd.arguments import as_path
from ccd.errors import ConfigError, reading
from ccd.files import read_json
from ccd.suggestions import closest, did_you_mean

IMPORT_REPORT = "import.json"
"""File that ``ccd data import`` leaves in the folder of a data set."""

_SHARED = ("gin", "recipes")


def ccd_root() -> Path:
    """Folder that holds ccd's own ``gin/`` and ``recipes/``."""
    package = Path(__file__).resolve().parent.parent
    assets = package / "assets"  # the wheel carries both folders here
    return assets if assets.is_dir() else package.parent


def is_wiring(path: Path) -> bool:
    """Whether ``path`` lies in ccd's own ``gin/``."""
    return path.resolve().is_relative_to((ccd_root() / "gin").resolve())


def shown(path: Path) -> str:
    """``path`` as a message names it: from ccd's root or the current folder where it can be."""
    for base in (ccd_root(), Path.cwd()):
        if path.resolve().is_relative_to(base.resolve()):
            return path.resolve().relative_to(base.resolve()).as_posix()
    return path.as_posix()


def find_file(name: str | Path) -> Path:
    """A file named on the command line: as given, else under ccd's root.

    Raises:
        ConfigError: There is none; the message names the nearest.
    """
    with reading(name, ConfigError):
        for path in (as_path("path", name), ccd_root() / name):
            if path.is_file():
                return path
    raise ConfigError(f"no file '{name}'", hint=_nearest(str(name), Path(name).parent))


def find_included(name: str, folder: Path) -> Path:
    """A file named in a gin file that lies in ``folder``.

    ``gin/...`` and ``recipes/...`` are ccd's own, whatever the current folder; anything else is
    relative to the naming file.

    Raises:
        ConfigError: There is none; the message names the nearest.
    """
    path = _included(name, folder)
    with reading(name, ConfigError):
        if path.is_file():
            return path
    raise ConfigError(f"no file '{name}'", hint=_nearest(name, folder))


def find_folder(name: str, folder: Path) -> Path:
    """A folder named in a gin file that lies in ``folder``, by the rules of ``find_included``.

    Raises:
        ConfigError: There is none.
    """
    path = _included(name, folder)
    with reading(name, ConfigError):
        if path.is_dir():
            return path
    raise ConfigError(f"no folder '{name}'", hint=f"make it, or name another: {shown(path)}")


def find_dataset(name: str | Path) -> Path:
    """The gin file of a data set.

    Args:
        name: A name in ``gin/datasets``, a path that ends in ``.gin``, or the folder that
            ``ccd data import`` wrote.

    Raises:
        ConfigError: There is none; the message names the nearest, or how to import a table.
    """
    name, path = str(name), Path(name)
    if path.suffix == ".gin":
        return find_file(path)
    with reading(name, ConfigError):
        if name not in modules("datasets") and (path / IMPORT_REPORT).is_file():
            return find_file(path / f"{read_json(path / IMPORT_REPORT).get('name')}.gin")
        if path.is_file() or (path.is_dir() and len(path.parts) > 1):
            out = Path("data") / path.stem
            raise ConfigError(
                f"--dataset {name} is no data set yet",
                keys=("--dataset",),
                hint=f"import it: ccd data import {shlex.quote(name)} --out {shlex.quote(str(out))}"
                f", then write --dataset {shlex.quote(str(out))}",
            )
    if len(path.parts) > 1:
        with reading(path.parent, ConfigError):
            there = path.parent.iterdir() if path.parent.is_dir() else ()
            beside = [one.name for one in there if one.is_dir()]
        near = closest(path.name, beside)
        hint = f"did you mean '{path.parent / near}'?" if near else "check the path"
        raise ConfigError(f"no folder '{name}'", keys=("--dataset",), hint=hint)
    return find_module("datasets", name)


def dataset_folder(name: str | Path | None) -> Path | None:
    """Where an imported data set lies that is named by its folder or its gin file there."""
    if name is None:
        return None
    path = Path(name)
    folder = path.parent if path.suffix == ".gin" else path
    return folder if (folder / IMPORT_REPORT).is_file() else None


def data_dir_of(name: str | Path | None, data_dir: str | Path | None) -> Path | None:
    """The folder in which a data set is looked up first: its own where it has one.

    Args:
        name: As for ``dataset_folder``.
        data_dir: The folder that the user named, if any.
    """
    return dataset_folder(name) or (Path(data_dir) if data_dir else None)


def modules(kind: str) -> list[str]:
    """Names that ``find_module`` finds, sorted."""
    return sorted(path.stem for path in (ccd_root() / "gin" / kind).glob("*.gin"))


def find_module(kind: str, name: str) -> Path:
    """``gin/<kind>/<name>.gin`` of ccd, such as a data set's or a variant module's.

    Raises:
        ConfigError: There is none; the message names the existing ones.
    """
    path = ccd_root() / "gin" / kind / f"{name}.gin"
    with reading(path, ConfigError):
        if path.is_file():
            return path
    hint = did_you_mean(name, modules(kind), list_all=True)
    raise ConfigError(f"no file 'gin/{kind}/{name}.gin'", hint=hint)


def _included(name: str, folder: Path) -> Path:
    return (ccd_root() if name.split("/")[0] in _SHARED else folder) / name


def _nearest(name: str, folder: Path) -> str:
    """Names the existing gin file most like ``name``."""
    found = {p.as_posix() for p in folder.glob("*.gin")} if folder.is_dir() else set()
    for shared in _SHARED:
        found |= {
            p.relative_to(ccd_root()).as_posix() for p in (ccd_root() / shared).rglob("*.gin")
        }
    by_stem = {Path(path).stem: path for path in sorted(found)}
    near = closest(name, found, cutoff=0.7)
    near = near or by_stem.get(closest(Path(name).stem, by_stem, cutoff=0.7) or "")
    return f"did you mean '{near}'?" if near else "check the path; it is read from this folder"

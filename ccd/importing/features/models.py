"""Where the files of an encoder are: a folder, or the Hugging Face cache, or a download."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

from ccd.errors import ConfigError, DamagedFileError, DataError, ResourceError, reading, reason
from ccd.extras import import_extra
from ccd.files import file_hash

_FILES = ("*.safetensors", "*.json", "*.txt", "*.model")
"""What is taken of an encoder: no weights that are pickled, no code."""
_PICKLED = (".bin", ".pt", ".pth", ".pkl", ".ckpt")


def need(package: str, what: str) -> ModuleType:
    """A package of the extra ``features``.

    Args:
        package: Its name in Python.
        what: What it is needed for.

    Raises:
        ResourceError: It is not installed, or cannot be imported.
    """
    module: ModuleType = import_extra(package, "features", what, "--encode")
    return module


def find_model(named: str, example: str, say: Callable[[str], None]) -> Path:
    """The folder of an encoder's files.

    Args:
        named: A folder, or a name on the Hugging Face Hub.
        example: What a user would type, with DIR in the place of the encoder.
        say: Told of a download before it begins.

    Raises:
        ConfigError: There is no such folder.
        ResourceError: It is not on this machine and cannot be downloaded.
        DamagedFileError: The folder holds no encoder, or one whose weights are pickled.
    """
    folder = Path(named).expanduser()
    if folder.is_dir():
        return _checked(folder)
    if named.startswith((".", "/", "~")) or named.count("/") > 1 or folder.exists():
        raise ConfigError(
            "there is no such folder with an encoder",
            where=folder,
            keys=("--encode",),
            hint="name a folder, or a model of the Hugging Face Hub as OWNER/NAME",
        )
    hub = need("huggingface_hub", "a model of the Hugging Face Hub")
    try:
        found = Path(hub.snapshot_download(named, local_files_only=True, allow_patterns=_FILES))
        if any(found.rglob("*.safetensors")) and (found / "config.json").is_file():
            return _checked(found)
    except (OSError, ValueError):  # not there, or only in part
        pass
    say(
        f"downloads the encoder {named} from the Hugging Face Hub into {hub.constants.HF_HUB_CACHE}"
    )
    try:
        return _checked(Path(hub.snapshot_download(named, allow_patterns=_FILES)))
    except (OSError, ValueError) as error:
        raise ResourceError(
            f"the encoder {named} is not on this machine and cannot be downloaded: {reason(error)}",
            keys=("--encode",),
            hint=f"on a machine with a network, run 'hf download {named} --local-dir DIR', copy "
            f"DIR to this one, and write {example}",
        ) from error


def model_version(folder: Path, *packages: str) -> str:
    """Hash of an encoder's files and of the versions of its packages, hexadecimal."""
    found = sorted({path for pattern in _FILES for path in folder.rglob(pattern)})
    lines = [f"{package} {version(package)}" for package in packages]
    for path in found:
        digest = file_hash(path, unreadable=DataError)
        lines.append(f"{digest} {path.relative_to(folder).as_posix()}")
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:32]


def _checked(folder: Path) -> Path:
    """The folder, if its weights are safetensors and its parts are the library's own.

    Raises:
        DamagedFileError: They are not.
    """
    with reading(folder, DamagedFileError):
        inside = [path for path in folder.rglob("*") if path.is_file()]
        weights = [path for path in inside if path.suffix == ".safetensors"]
        homes = {path.parent for path in weights}
        pickled = [p for p in inside if p.suffix in _PICKLED and p.parent not in homes]
        if pickled:
            raise DamagedFileError(
                "the weights of this encoder are pickled, which runs code when they are loaded",
                where=pickled[0],
                keys=("--encode",),
                hint="use a model with model.safetensors",
            )
        if not weights or not (folder / "config.json").is_file():
            names = ", ".join(sorted(path.name for path in inside)[:8])
            raise DamagedFileError(
                "this folder holds no encoder: expected config.json and model.safetensors",
                where=folder,
                keys=("--encode",),
                found=names or "nothing",
            )
    if (folder / "modules.json").is_file():
        _refuse_foreign_parts(folder / "modules.json")
    return folder


def _refuse_foreign_parts(path: Path) -> None:
    """Refuse a list of parts in which one is not of sentence-transformers.

    Raises:
        DamagedFileError: One is, or the file is no such list.
    """
    try:
        with reading(path, DamagedFileError):
            kinds = [str(one["type"]) for one in json.loads(path.read_text(encoding="utf-8"))]
    except (ValueError, TypeError, KeyError) as error:
        raise DamagedFileError(
            f"this is no list of an encoder's parts: {reason(error)}",
            where=path,
            hint="copy or download the encoder again",
        ) from error
    foreign = [kind for kind in kinds if not kind.startswith("sentence_transformers.")]
    if foreign:
        raise DamagedFileError(
            "this encoder has a part that is code of its own",
            where=path,
            keys=("--encode",),
            found=foreign[0],
            hint="use a model whose parts are those of sentence-transformers",
        )

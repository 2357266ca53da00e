"""Where data sets lie: the folders to look in and the files that make one up."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ccd.arguments import as_path
from ccd.errors import DataError, Place

_LISTED = 8


@dataclass(frozen=True)
class Wanted:
    """One file of a data set.

    Attributes:
        what: What the file is, for the message when it is missing.
        names: File names in order of preference; the first that exists is used.
        required: Whether the data set is unusable without it.
    """

    what: str
    names: tuple[str, ...]
    required: bool = True


def data_folders(data_dir: Path | None, *, remembered: Path | None = None) -> list[Path]:
    """Places to look for data sets, in order.

    Args:
        data_dir: Named now; the first place.
        remembered: Named when a run was trained; the second place, before ``$CCD_DATA`` and
            ``./data``. It may be gone since.

    Raises:
        DataError: ``data_dir`` is given and is not a folder.
    """
    if data_dir is not None and not data_dir.is_dir():
        raise DataError(
            "--data-dir must be a folder",
            keys=("--data-dir",),
            found=f"'{data_dir}'",
            hint="name the folder that holds your data sets",
        )
    from_environment = os.environ.get("CCD_DATA")
    environment = as_path(from_environment) if from_environment else None
    places = [data_dir, remembered, environment, Path("data")]
    return list(dict.fromkeys(place for place in places if place is not None))


def locate(
    name: str, wanted: Mapping[str, Wanted], folders: Sequence[Path], *, source: str
) -> dict[str, Path]:
    """Find the files of a data set in ``<folder>/<name>`` or directly in ``<folder>``.

    All files come from one place, the first that has every required one, so that a data set is
    never put together from two copies.

    Args:
        name: Name of the data set and of its folder.
        wanted: Key to the file it stands for.
        folders: Folders to look in, in order.
        source: Where the data set can be had, for the message.

    Returns:
        Key to path; keys of files that are not required and not there are left out.

    Raises:
        DataError: No place has all required files.
    """
    places = [place for folder in folders for place in (folder / name, folder)]
    try:
        for place in places:
            found = {key: _first(place, file) for key, file in wanted.items()}
            if all(found[key] or not file.required for key, file in wanted.items()):
                return {key: path for key, path in found.items() if path}
        refusal = _missing(name, list(wanted.values()), places, source)
    except OSError as error:
        what = f"cannot look into this folder: {error.strerror}"
        raise DataError(what, where=Place(str(error.filename))) from error
    raise refusal


def _first(place: Path, file: Wanted) -> Path | None:
    return next((place / name for name in file.names if (place / name).is_file()), None)


def _missing(name: str, wanted: list[Wanted], places: list[Path], source: str) -> DataError:
    required = [file for file in wanted if file.required]
    return DataError(
        f"no folder has all files of data set '{name}'",
        where=[Place(str(place), text=_state(place, required)) for place in places],
        keys=("--data-dir",),
        details=[
            *(f"expected {' or '.join(file.names)}: {file.what}" for file in required),
            f"source: {source}",
        ],
        hint=f"put the files into {Path('data') / name}, or name the folder that holds them with "
        "--data-dir or $CCD_DATA, or use the data set 'planted', which is generated and needs none",
    )


def _state(place: Path, required: list[Wanted]) -> str:
    if not place.is_dir():
        return "no such folder"
    lacks = [" or ".join(file.names) for file in required if _first(place, file) is None]
    there = sorted(entry.name + "/" * entry.is_dir() for entry in place.iterdir())
    shown = ", ".join(there[:_LISTED]) + (", ..." if len(there) > _LISTED else "")
    return f"lacks {', '.join(lacks)}; holds {shown or 'nothing'}"

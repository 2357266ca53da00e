"""Fetch the files of a public data set: resumed where they broke off, checked, unpacked."""

from __future__ import annotations

import os
import shutil
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path, PurePosixPath

from ccd.errors import CcdError, ConfigError, DamagedFileError, ResourceError, reading, reason
from ccd.files import file_hash, refusing_io, replacing
from ccd.importing.homes import Home, HomeFile

Progress = Callable[[str, float], None]
_BLOCK = 2**20
_TIMEOUT = 60
_TRIES = 4
_MOST_EXPANSION = 100
"""An archive may unpack to so many times its size."""


def get_files(
    home: Home,
    folder: Path,
    *,
    from_dir: Path | None = None,
    progress: Progress = lambda _what, _share: None,
) -> list[Path]:
    """Bring all files of a data set into a folder; what is there and right is not fetched again.

    Args:
        home: The data set.
        folder: Where the files go.
        from_dir: A folder that holds them already; then nothing is downloaded.
        progress: Told the file, and which share of it is there.

    Raises:
        ConfigError: A file has no address and is not in ``from_dir``.
        DamagedFileError: A file is not the one that was published.
        ResourceError: The network or the disk fails; what was fetched is kept and gone on with.
    """
    with refusing_io(folder):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        return _fetched(home, folder, from_dir, progress)
    except CcdError:
        with suppress(OSError):  # it holds what was fetched
            folder.rmdir()
        raise


def _fetched(home: Home, folder: Path, from_dir: Path | None, progress: Progress) -> list[Path]:
    found = []
    for file in home.files:
        path = folder / file.name
        if not path.is_file():
            if from_dir is not None:
                _copy(home, file, from_dir, path)
            elif file.url:
                _download(file, path, progress)
            else:
                raise _by_hand(home, file, folder)
        _verify(file, path)
        found.append(path)
    for path in found:
        if path.suffix == ".zip":
            _unpack(path, folder)
    return found


def _by_hand(home: Home, file: HomeFile, folder: Path) -> ConfigError:
    return ConfigError(
        f"nobody offers {file.name} of '{home.name}' for plain download",
        keys=("NAME",),
        details=[f"get it from {home.by_hand}"],
        hint=f"put the files into {folder}, or name the folder that has them: ccd data get "
        f"{home.name} --from-dir DIR",
    )


def _copy(home: Home, file: HomeFile, from_dir: Path, path: Path) -> None:
    source = from_dir / file.name
    with reading(source, ConfigError):
        if not source.is_file():
            raise ConfigError(
                f"--from-dir lacks {file.name}",
                where=from_dir,
                keys=("--from-dir",),
                hint=f"it comes from {file.url or home.by_hand}",
            )
    with replacing(path) as temporary:
        shutil.copyfile(source, temporary)


def _download(file: HomeFile, path: Path, progress: Progress) -> None:
    """Fetch one file into ``NAME.part``, going on where an earlier try broke off."""
    part = path.with_name(f"{path.name}.part")
    for left in reversed(range(_TRIES)):
        before = part.stat().st_size if part.exists() else 0
        try:
            if _fetch(file.url, part, lambda share: progress(file.name, share)):
                break
            error: Exception | None = None
        except (OSError, HTTPException) as caught:
            error = caught
        grown = part.exists() and part.stat().st_size > before
        if not left or (error is not None and not grown):
            why = reason(error) if error is not None else "the connection ended early"
            raise ResourceError(
                f"cannot download {file.name}: {why}",
                details=[file.url],
                hint="try again, which goes on where this ended; or get the file elsewhere and "
                "name its folder with --from-dir",
            ) from error
    os.replace(part, path)


def _fetch(url: str, part: Path, told: Callable[[float], None]) -> bool:
    """Get what ``part`` lacks of a file; whether it is whole then."""
    begun = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={begun}-"} if begun else {})
    try:
        answer = urllib.request.urlopen(request, timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code == 416 and begun:  # nothing is left to send
            if error.headers.get("Content-Range", "").endswith(f"/{begun}"):
                return True
            part.unlink()
            return False
        raise
    with answer:
        if begun and answer.status != 206:  # this server does not go on: all of it again
            begun = 0
        length = answer.headers.get("Content-Length")
        total = begun + int(length) if length is not None else None
        with refusing_io(part), part.open("ab" if begun else "wb") as out:
            while block := answer.read(_BLOCK):
                out.write(block)
                told(out.tell() / total if total else 0.0)
    return total is None or part.stat().st_size == total


def _verify(file: HomeFile, path: Path) -> None:
    """Compare a file with its checksum, and set it aside where it is another."""
    if not file.digest:
        return
    kind, _, expected = file.digest.partition(":")
    found = file_hash(path, kind)
    if found == expected:
        return
    aside = path.with_name(f"{path.name}.wrong")
    with refusing_io(aside):
        os.replace(path, aside)
    raise DamagedFileError(
        f"{file.name} is not the file that was published: expected {kind} {expected}",
        where=aside,
        found=found,
        hint="get it again; the wrong file was set aside",
    )


def _unpack(path: Path, folder: Path) -> None:
    """Unpack an archive into a folder; only plain files below it, and no more than is sensible."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [one for one in archive.infolist() if not one.is_dir()]
            size = sum(one.file_size for one in members)
            odd = [one.filename for one in members if not _stays_inside(one.filename)]
            if odd or size > max(2**30, _MOST_EXPANSION * path.stat().st_size):
                what = f"it holds '{odd[0]}'" if odd else f"it unpacks to {size:,} bytes"
                raise DamagedFileError(
                    f"this archive is not unpacked: {what}", where=path, hint="get it again"
                )
            for member in members:
                target = folder / member.filename
                if target.is_file() and target.stat().st_size == member.file_size:
                    continue
                with refusing_io(target):
                    target.parent.mkdir(parents=True, exist_ok=True)
                    with (
                        replacing(target) as temporary,
                        archive.open(member) as packed,
                        temporary.open("wb") as out,
                    ):
                        shutil.copyfileobj(packed, out, _BLOCK)
    except (zipfile.BadZipFile, EOFError, NotImplementedError) as error:
        raise DamagedFileError(
            f"this archive is damaged: {reason(error)}", where=path, hint="get it again"
        ) from error


def _stays_inside(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return bool(parts) and not name.startswith("/") and ".." not in parts and "\\" not in name

"""Arguments of the Python interface: what each must be, and how it is refused where it is not."""

from __future__ import annotations

import operator
import os
from collections.abc import Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from ccd.errors import ConfigError


def as_tuple(name: str, values: Iterable[Any]) -> tuple[Any, ...]:
    """The items of a list argument.

    A text is a sequence of letters to Python: ``users="A2"`` would ask for two users.

    Args:
        name: The argument, for the refusal.
        values: What was given for it; a numpy array or a tensor counts as the list of its numbers.

    Raises:
        ConfigError: A single value was given instead of a list.
    """
    values = getattr(values, "tolist", lambda: values)()
    single = isinstance(values, (str, bytes, PathLike, Mapping))
    if single or not isinstance(values, Iterable):
        raise ConfigError(
            f"{name} must be a list",
            keys=(name,),
            found=repr(values),
            hint=f"write {name}=[{values!r}]",
        )
    return tuple(values)


def as_texts(name: str, values: Iterable[Any]) -> tuple[str, ...]:
    """The items of a list of texts.

    Raises:
        ConfigError: It is no list, or holds something else.
    """
    return tuple(as_text(f"each of {name}", value) for value in as_tuple(name, values))


def as_text(name: str, value: Any) -> str:
    """A text.

    Raises:
        ConfigError: It is something else.
    """
    if not isinstance(value, str):
        raise ConfigError(f"{name} must be a text", keys=(name,), found=repr(value))
    return str(value)


def as_path(name: str, value: Any) -> Path:
    """The path that a person named; ``~`` is the home folder, as in a shell.

    Raises:
        ConfigError: It is no text and no path, it is empty, or its bytes are not UTF-8, so that
            neither a table nor a library could name it.
    """
    if isinstance(value, bytes) or not isinstance(value, (str, PathLike)) or str(value) == "":
        raise ConfigError(
            f"{name} must be a path",
            keys=(name,),
            found=repr(value),
            hint="name a file or folder; '.' is the current folder",
        )
    if "\0" in str(value):
        raise ConfigError(f"no path has a zero byte in it, as {name} has", keys=(name,))
    path = os.path.expanduser(os.fspath(value))
    refuse_other_bytes(path)
    return Path(path)


def as_whole(name: str, value: Any, least: int = 0) -> int:
    """A whole number, numpy's among them.

    Raises:
        ConfigError: It is something else, or less than ``least``.
    """
    try:
        number = operator.index(value)
    except TypeError:
        number = least - 1
    if isinstance(value, bool) or number < least:
        what = f"{name} must be at least {least} and a whole number"
        raise ConfigError(what, keys=(name,), found=repr(value))
    return number


def as_proper_fraction(name: str, value: Any) -> float:
    """A number from 0 to less than 1.

    Raises:
        ConfigError: It is something else.
    """
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = -1.0
    if isinstance(value, (bool, str)) or not 0 <= number < 1:
        what = f"{name} must be at least 0 and less than 1"
        raise ConfigError(what, keys=(name,), found=repr(value))
    return number


def as_seeds(values: Iterable[Any]) -> tuple[int, ...]:
    """Seeds, each once.

    Raises:
        ConfigError: They are no list of whole numbers, or one of them is there twice.
    """
    seeds = tuple(as_whole("each of seeds", value) for value in as_tuple("seeds", values))
    if len(set(seeds)) < len(seeds):
        raise ConfigError("seeds must be distinct", keys=("seeds",), found=repr(list(seeds)))
    return seeds


def refuse_other_bytes(text: str) -> None:
    """Refuse a text that the system gave as bytes of another encoding than UTF-8.

    Raises:
        ConfigError: It is one.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ConfigError(
            "a name must be UTF-8",
            found=ascii(text),
            hint="rename it, or start ccd in that folder and name it by '.'",
        ) from error

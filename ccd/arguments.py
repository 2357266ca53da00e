"""Arguments of the Python interface that must be lists or paths."""

from __future__ import annotations

import os
from collections.abc import Iterable
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
    if isinstance(values, (str, bytes, PathLike)) or not isinstance(values, Iterable):
        raise ConfigError(
            f"{name} must be a list",
            keys=(name,),
            found=repr(values),
            hint=f"write {name}=[{values!r}]",
        )
    return tuple(values)


def as_path(value: str | PathLike[str]) -> Path:
    """The path that a person named; ``~`` is the home folder, as in a shell.

    Raises:
        ConfigError: Its bytes are not UTF-8, so neither a table nor a library could name it.
    """
    text = os.path.expanduser(os.fspath(value))
    refuse_other_bytes(text)
    return Path(text)


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

"""Arguments of the Python interface that must be lists."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike
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

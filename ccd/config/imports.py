"""``import my_parts`` in a recipe: a user's own components, only where they were asked for."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gin.config_parser import ImportStatement

from ccd.config.messages import refusal
from ccd.errors import ConfigError

if TYPE_CHECKING:
    from ccd.config.origin import Origin


def import_parts(
    statement: ImportStatement, origin: Origin, folder: Path, allowed: tuple[str, ...]
) -> None:
    """Import the module of an ``import`` line: from ``folder``, the current folder or Python's own.

    The current folder is there for ``config.gin``, which lies in a run folder without its modules.

    Raises:
        ConfigError: The module was not allowed (loading a file must not run code), the line is not
            a plain ``import NAME``, or the import failed.
    """
    name = statement.module
    if statement.is_from or statement.alias:
        raise ConfigError(refusal("only a plain import is read", origin, hint="write import NAME"))
    if name not in allowed:
        hint = f"if you trust it, add --allow-import {name}"
        raise ConfigError(refusal(f"importing '{name}' would run its code", origin, hint=hint))
    places = [str(folder.resolve()), str(Path.cwd())]
    sys.path[:0] = places
    try:
        importlib.import_module(name)
    except Exception as error:
        what = f"importing '{name}' failed: {type(error).__name__}: {error}"
        raise ConfigError(refusal(what, origin)) from error
    finally:
        for place in places:
            sys.path.remove(place)

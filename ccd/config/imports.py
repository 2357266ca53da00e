"""``import my_parts`` in a recipe: a user's own components, only where they were asked for."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gin.config_parser import ImportStatement

from ccd.errors import ConfigError, reason

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
        what = "only a plain import is allowed here"
        raise ConfigError(what, where=origin, hint="write import NAME")
    if name not in allowed:
        hint = f"if you trust it, add --allow-import {name}"
        what = f"importing '{name}' would run its code"
        raise ConfigError(what, where=origin, keys=("--allow-import",), hint=hint)
    import_module(name, [folder.resolve(), Path.cwd()], origin)


def refuse_absent(name: str, folders: Sequence[Path]) -> None:
    """Refuse a module that ``import_module`` would not find, without importing anything.

    Raises:
        ConfigError: It is not there.
    """
    places = [str(folder) for folder in folders]
    top = name.partition(".")[0]
    sys.path[:0] = places
    try:
        is_there = top in sys.modules or importlib.util.find_spec(top) is not None
    except (ValueError, ImportError):
        return  # importing it says what is wrong
    finally:
        for place in places:
            sys.path.remove(place)
    if not is_there:
        what = f"importing '{name}' failed: ModuleNotFoundError: No module named '{top}'"
        raise ConfigError(what, hint=_where_to_look(name, places))


def import_module(name: str, folders: Sequence[Path], origin: Origin | None = None) -> None:
    """Import a user's module ``name`` from ``folders``, else from where Python looks.

    Args:
        name: The module.
        folders: Where to look first, in order.
        origin: The line that asks for it; None for the command line.

    Raises:
        ConfigError: The module is not there, or importing it failed.
    """
    places = [str(folder) for folder in folders]
    sys.path[:0] = places
    try:
        importlib.import_module(name)
    except (Exception, SystemExit) as error:
        what = f"importing '{name}' failed: {type(error).__name__}: {reason(error)}"
        hint = _where_to_look(name, places) if _is_not_there(name, error) else ""
        raise ConfigError(what, where=origin, hint=hint) from error
    finally:
        for place in places:
            sys.path.remove(place)


def _is_not_there(name: str, error: BaseException) -> bool:
    """Whether ``name`` itself was not found, and not something that it imports."""
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    return missing is not None and f"{name}.".startswith(f"{missing}.")


def _where_to_look(name: str, places: Sequence[str]) -> str:
    if name.endswith(".py"):
        return f"name the module, not its file: {name.removesuffix('.py')}"
    package, dot, _ = name.partition(".")
    return (
        f"looked in {', '.join(dict.fromkeys(places))} and where Python looks; start ccd in the "
        f"folder of {package if dot else f'{name}.py'}, or set PYTHONPATH"
    )

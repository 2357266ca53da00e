"""Packages that only some uses need: imported when they are, refused in one way where absent."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ccd.errors import ResourceError, reason


def import_extra(module: str, extra: str, what: str, key: str = "") -> Any:
    """A module of a package that an extra of ccd brings.

    Args:
        module: Its name in Python.
        extra: The extra.
        what: What needs it.
        key: The option or setting that asked for it.

    Raises:
        ResourceError: It is not installed, or cannot be imported.
    """
    try:
        return import_module(module)
    except ImportError as error:
        package = module.partition(".")[0].replace("_", "-")
        raise ResourceError(
            f"{what} needs the package {package}: {reason(error)}",
            keys=(key,) if key else (),
            hint=f"pip install 'ccdrec[{extra}]'",
        ) from error

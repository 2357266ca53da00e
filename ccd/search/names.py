"""What a study may be called, and what one without a name is called."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from ccd.errors import ConfigError
from ccd.search.folders import STUDY_FILE, name_in

if TYPE_CHECKING:
    from ccd.search.target import Target

_LONGEST = 100
"""Characters of a name; files beside the study's have names made of it."""


def default_name(target: Target) -> str:
    """The name of the recipe and of its data set, with a dash for what no folder can be called."""
    name = f"{target.recipe.name}-{target.recipe.dataset}"
    return re.sub(r"[^\w.+-]+", "-", name).lstrip(".")[:_LONGEST]


def refuse_name(name: str) -> None:
    """Refuse a name of a study that no folder can have, or that no terminal can show.

    Raises:
        ConfigError: It is such a name.
    """
    if "/" in name or name.startswith(".") or not name.isprintable() or len(name) > _LONGEST:
        raise ConfigError(
            "the name of a study is the name of its folder: it has no / and no line breaks, begins "
            f"with no dot and is at most {_LONGEST} characters long",
            keys=("--study",),
            found=repr(name[:_LONGEST]),
            hint="choose another --study",
        )


def refuse_other_study(folder: Path, name: str) -> None:
    """Refuse a folder that holds a study of another name: it was renamed.

    Raises:
        ConfigError: It is such a folder.
    """
    if (folder / STUDY_FILE).exists() and (held := name_in(folder)) != name:
        raise ConfigError(
            f"this folder holds the study '{held}', not one of the name '{name}'",
            where=folder,
            keys=("--study",),
            hint=f"go on with it by 'ccd search resume {folder}', or choose another --study",
        )

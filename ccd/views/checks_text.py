"""The lines of a diagnosis for the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from ccd.checks import Check

_STYLES = {"ok": "green", "warning": "yellow", "problem": "bold red"}


def print_checks(console: Console, checks: Sequence[Check]) -> None:
    """Print one line per check, with its advice below."""
    for check in checks:
        mark = Text(f"{check.status:8}", style=_STYLES[check.status])
        console.print(Text.assemble(mark, f"{check.name}: {check.found}"), soft_wrap=True)
        if check.advice:
            console.print(Text(f"        {check.advice}"), soft_wrap=True)

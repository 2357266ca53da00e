"""Which command a process works for: several workers of one have begun what any of them left."""

from __future__ import annotations

import secrets

_shared: str | None = None


def new_command() -> str:
    """An id for a command that begins."""
    return secrets.token_hex(8)


def work_for(command: str) -> None:
    """Let all that this process does be part of a command that another process began.

    Args:
        command: Its id.
    """
    global _shared
    _shared = command


def own_command() -> str:
    """The id of the command that this process works for; without such a one, a new id each time."""
    return _shared or new_command()

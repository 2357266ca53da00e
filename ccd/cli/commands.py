"""What holds for every command, whichever it is."""

from __future__ import annotations

import re
from typing import Any

import typer
from typer.core import TyperGroup

from ccd.errors import ConfigError, refusing_exit


class Commands(TyperGroup):
    """All commands; an empty word is none, and no part of the user's own ends the program."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        _refuse_empty(args)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        with refusing_exit():
            try:
                return super().invoke(ctx)
            except SystemExit as ended:
                if is_of_closed_pipe(ended):
                    raise typer.Exit from ended
                raise
            except typer.BadParameter as error:
                error.message = _in_plain_words(error.message)
                raise


def _in_plain_words(message: str) -> str:
    """What is wrong with a value, without the words of whoever parses it."""
    message = message.removeprefix("Value error, ").replace("Input should be", "it should be")
    return re.sub(r"a valid integer, .*|a valid integer", "a whole number", message)


def is_of_closed_pipe(ended: SystemExit) -> bool:
    """Whether rich, which prints help, ended the program since nobody reads it any more."""
    return isinstance(ended.__context__, BrokenPipeError)


def _refuse_empty(words: list[str]) -> None:
    """Refuse ``--out ""``, which is what a shell makes of ``--out "$UNSET"``.

    It would be read as the current folder, or as if the option were not there.
    """
    for before, word in zip(["", *words], words, strict=False):
        option, equals, value = word.partition("=")
        is_empty = not word or (option.startswith("--") and bool(equals) and not value)
        if is_empty:
            named = option or (before if before.startswith("-") else "")
            raise ConfigError(
                f"{named or 'a word of the command line'} is empty",
                keys=(named,) if named else (),
                hint="give it a value; a shell variable that is not set leaves nothing",
            )

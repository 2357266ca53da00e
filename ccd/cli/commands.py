"""What holds for every command, whichever it is."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

from ccd.errors import CcdError, ConfigError


class Commands(TyperGroup):
    """All commands; an empty word is none, and no part of the user's own ends the program."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        _refuse_empty(args)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except SystemExit as ended:  # ccd's own commands end by typer.Exit
            raise CcdError(
                "a part of your own ended the program",
                found=f"SystemExit({ended.code!r})",
                hint="let it raise an error that says what is wrong (CCD_DEBUG=1 shows where)",
            ) from ended


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

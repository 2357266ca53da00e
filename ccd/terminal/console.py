"""The terminal as it is: wide or narrow, UTF-8 or not, a window or a closed pipe."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from ccd.terminal.stdout import give_up_stdout
from ccd.terminal.visible import visible


@dataclass(frozen=True)
class Glyphs:
    """Characters that have an ASCII stand-in."""

    done: str
    running: str
    waiting: str
    plus_minus: str
    worse: str
    ellipsis: str
    separator: str
    bar: str


UNICODE = Glyphs("✓", "▶", "·", "±", "↓", "…", "·", "█")
ASCII = Glyphs("+", ">", ".", "+-", "v", "..", "|", "#")


class PatientConsole(Console):
    """A console that goes quiet when nothing can be written any more (``ccd run ... | head``).

    rich would leave the process; hours of training are worth more than their progress lines.
    No text of others, such as an item's name, can control the terminal through it.
    """

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """The segments of ``renderable``, their texts visible."""
        for segment in super().render(renderable, options):
            if segment.control or segment.text.isprintable():
                yield segment
            else:
                yield Segment(visible(segment.text, keep="\n"), segment.style)

    def _check_buffer(self) -> None:
        try:
            super()._check_buffer()
        except OSError as error:  # for a closed pipe, rich calls the next itself
            self._go_quiet(error)

    def on_broken_pipe(self) -> None:
        """Send everything that follows nowhere."""
        self._go_quiet(BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE)))

    def _go_quiet(self, error: OSError) -> None:
        self.quiet = True
        give_up_stdout(error)


def make_console() -> PatientConsole:
    """A console on standard output; ``NO_COLOR`` and a redirected output are honoured."""
    return PatientConsole(highlight=False)


def glyphs_for(options: ConsoleOptions) -> Glyphs:
    """The characters that the output's encoding has."""
    return ASCII if options.ascii_only else UNICODE


def duration(seconds: float) -> str:
    """Seconds as ``45s``, ``3m10s`` or ``2h05m``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02d}m"


def shorten(name: str, width: int, ellipsis: str) -> str:
    """``name`` in at most ``width`` characters; the end stays, since variants differ there."""
    if len(name) <= width:
        return name
    return ellipsis + name[len(name) - max(width - len(ellipsis), 1) :]

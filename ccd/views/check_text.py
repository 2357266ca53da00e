"""What ``ccd check`` prints: each rule, a mark, and what breaks it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from ccd.checking.contract import Finding
from ccd.registry import Component
from ccd.terminal.console import glyphs_for

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult


class CheckView:
    """The rules of a part's family, kept and broken."""

    def __init__(self, part: Component, findings: Sequence[Finding]) -> None:
        self._part, self._findings = part, findings

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        done = glyphs_for(options).done
        yield Text(f"{self._part.name} ({self._part.family})", "bold")
        for finding in self._findings:
            mark = Text("broken", "red") if finding.fault else Text(done, "green")
            yield Text.assemble(mark, " ", finding.rule)
            if finding.fault:
                yield Text(f"  {finding.fault}")
        broken = sum(bool(finding.fault) for finding in self._findings)
        yield Text(f"{len(self._findings) - broken} of {len(self._findings)} rules are kept")

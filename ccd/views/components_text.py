"""Components for the terminal: all families on a screen, one family, or one component."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ccd.config.annotations import default_text, readable
from ccd.config.identity import is_how_it_runs
from ccd.views.docstrings import read_docstring

if TYPE_CHECKING:
    from ccd.registry import Component, Setting

_WIDE = 140
"""From this width on, the overview says what each family does too."""
_LONG_DEFAULT = 24
"""Longer defaults wrap instead of widening their column."""


class FamiliesView:
    """Every family with the names of its components.

    Args:
        families: Family to its components, in the order to list.
        about: What each family does; it may lack some.
    """

    def __init__(
        self, families: Mapping[str, Sequence[Component]], about: Mapping[str, str]
    ) -> None:
        self._families, self._about = families, about

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(no_wrap=True, style="bold")
        table.add_column(overflow="fold", ratio=1)
        is_wide = options.max_width >= _WIDE
        if is_wide:
            table.add_column(overflow="fold", style="dim", ratio=1)
        for family, members in self._families.items():
            names = Text(" ".join(member.name for member in members))
            about = [Text(self._about.get(family, ""))] if is_wide else []
            table.add_row(Text(family), names, *about)
        yield table
        yield Text("\nccd list FAMILY: its components and settings. ccd list NAME: one component.")


class FamilyView:
    """The components of a family, each with its settings.

    Args:
        family: Its name.
        about: What its components do, or an empty string.
        members: The components.
    """

    def __init__(self, family: str, about: str, members: Sequence[Component]) -> None:
        self._family, self._about, self._members = family, about, members

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Text.assemble((self._family, "bold"), f": {self._about}" if self._about else "")
        shared = len({member.runtime for member in self._members}) == 1
        if shared and self._members[0].runtime:
            yield _called_with(self._members[0])
        settings = [setting for member in self._members for setting in member.settings.values()]
        for member in self._members:
            yield Text(f"\n{member.name}", style="bold")
            yield Padding.indent(Text(_plain(member.summary)), 2)
            if member.runtime and not shared:
                yield Padding.indent(_called_with(member), 2)
            if member.settings:
                yield Padding.indent(_settings(member.settings.values(), settings), 2)


class ComponentView:
    """Everything about one component: what it does and what each setting means.

    Args:
        member: The component.
    """

    def __init__(self, member: Component) -> None:
        self._member = member

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        member, said = self._member, read_docstring(inspect.getdoc(self._member.target) or "")
        yield Text.assemble((member.name, "bold"), f" ({member.family})")
        for paragraph in said.paragraphs:
            yield Text(f"\n{paragraph}")
        if member.settings:
            yield Text("\nsettings", style="bold")
        for setting in member.settings.values():
            kind, default = readable(setting.annotation), default_text(setting.default)
            known = "required" if default == "required" else f"default {default}"
            head = Text.assemble(setting.name, ": ", (kind, "cyan"), ", ", (known, "green"))
            if is_how_it_runs(setting.annotation):
                head.append(", cannot change what is learned", style="dim")
            yield Padding.indent(head, 2)
            if setting.name in said.meanings:
                yield Padding.indent(Text(said.meanings[setting.name]), 6)
        if not member.settings:
            yield Text("\nno settings")
        if member.runtime:
            yield Text("\npassed by ccd", style="bold")
        for name in member.runtime:
            meaning = f": {said.meanings[name]}" if name in said.meanings else ""
            yield Padding.indent(Text(f"{name}{meaning}"), 2)


def _settings(shown: Iterable[Setting], all_settings: Sequence[Setting]) -> RenderableType:
    """Name, default and type of settings, in columns that stand in line over a whole family."""
    names = max(len(setting.name) for setting in all_settings)
    defaults = max(len(default_text(setting.default)) for setting in all_settings)
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(min_width=names, overflow="fold")
    table.add_column(
        min_width=min(defaults, _LONG_DEFAULT), max_width=_LONG_DEFAULT, overflow="fold"
    )
    table.add_column(overflow="fold")
    for setting in shown:
        table.add_row(
            Text(setting.name),
            Text(default_text(setting.default), style="green"),
            Text(readable(setting.annotation), style="cyan"),
        )
    return table


def _called_with(member: Component) -> Text:
    """What ccd passes at run time."""
    return Text(f"called with: {', '.join(member.runtime)}", style="dim")


def _plain(text: str) -> str:
    return text.replace("``", "`")

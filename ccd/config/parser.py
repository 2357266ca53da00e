"""gin's own parser, with refusals that name the line; it builds nothing and looks nothing up."""

from __future__ import annotations

import re
import tokenize
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from gin.config_parser import ConfigParser, ParserDelegate

from ccd.config.origin import Origin
from ccd.config.values import DEEPEST, Macro, Reference
from ccd.errors import ConfigError, reason

Place = Callable[[int], Origin]
"""The origin of a line of the text."""


def statements(text: str, place: Place) -> Iterator[tuple[Any, Origin]]:
    """gin's statements with their origins.

    Args:
        text: What is read.
        place: Gives the origin of a line.

    Raises:
        ConfigError: The text does not parse, or a key stands twice in one dict.
    """
    line = 1
    try:
        parser = _Parser(text, place)
        while (statement := parser.next_statement()) is not None:
            line = statement.location.line_num
            yield statement, place(line)
    except SyntaxError as error:
        origin = place(error.lineno or line)
        raise _unreadable(str(error.msg).splitlines()[0], origin) from error
    except tokenize.TokenError as error:
        message, (line, _) = error.args
        # What is left open is noticed at the end; blank lines there would say nothing.
        line = min(line, len(text.rstrip().splitlines()))
        raise _unreadable(f"{message}", place(line)) from error
    except TypeError as error:  # a key that no dict can have
        raise _unreadable(reason(error), place(line)) from error


class _Delegate(ParserDelegate):
    """Keeps references and macros as data instead of looking them up in gin."""

    def configurable_reference(self, scoped_configurable_name: str, evaluate: bool) -> Reference:
        scope, _, name = scoped_configurable_name.rpartition("/")
        return Reference(name, scope, evaluate)

    def macro(self, macro_name: str) -> Macro:
        return Macro(macro_name)


class _Parser(ConfigParser):
    """Refuses what gin takes without a word: a key that stands twice, brackets without end."""

    def __init__(self, text: str, place: Place) -> None:
        self._place = place
        self._brackets: list[dict[Any, int]] = []
        """For each open bracket the keys so far and their lines; empty where it is no dict."""
        super().__init__(text, _Delegate())

    def next_statement(self) -> Any:
        """The next statement, or None at the end."""
        with warnings.catch_warnings():
            # Python's own about '\\.' in a text, which is the text that it says.
            warnings.simplefilter("ignore")
            return self.parse_statement()

    def _maybe_parse_container(self) -> tuple[bool, Any]:
        if len(self._brackets) > DEEPEST:
            self._raise_syntax_error(f"more than {DEEPEST} brackets in each other")
        self._brackets.append({})
        try:
            return super()._maybe_parse_container()
        finally:
            self._brackets.pop()

    def _parse_dict_item(self) -> tuple[Any, Any]:
        line = self._current_token.start[0]
        key, value = super()._parse_dict_item()
        lines = self._brackets[-1]
        if key in lines:
            raise ConfigError(
                f"{key!r} stands twice in one dict",
                where=tuple(dict.fromkeys(map(self._place, (lines[key], line)))),
                hint="keep one of the two",
            )
        lines[key] = line
        return key, value


def _unreadable(message: str, origin: Origin) -> ConfigError:
    """The refusal of a text that Python or gin cannot parse, and why, in their words."""
    if message.startswith("malformed node"):
        message = "a bare word is not a value"
    what = f"cannot read this: {message}"
    return ConfigError(what, where=origin, hint=_quoted_form(origin))


def _quoted_form(origin: Origin) -> str:
    """The statement with its value quoted, where that is what was missing."""
    match = re.fullmatch(r"\s*([\w./]+)\s*=\s*([^'\"#]+?)\s*(?:#.*)?", origin.text)
    # A bracket that is left open, or closed once too often, is not a text without its quotes.
    if match is None or match[2][:1] in "([{" or match[2][-1:] in ")]}":
        return "gin takes 'Component.parameter = literal', '@name' or '%MACRO'"
    key, value = match.groups()
    constant = {"true": "True", "false": "False", "none": "None", "null": "None"}.get(value.lower())
    fixed = f"{key} = {constant or repr(value)}"
    advice = f'write --set "{fixed}"' if origin.line is None else f"write {fixed}"
    return (
        f"{advice}, or @{value} for a component"
        if value.isidentifier() and not constant
        else advice
    )

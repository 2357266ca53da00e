"""The language of ``--where``: comparisons of columns with values, read and never executed.

expression = term {"or" term}
term       = factor {"and" factor}
factor     = "not" factor | "(" expression ")" | comparison
comparison = column ("=" | "==" | "!=" | "<" | "<=" | ">" | ">=") value
           | column ["not"] "in" "(" value {"," value} ")"
           | column "is" ["not"] "null"
column     = name | `name with any characters`
value      = 'text' | "text" | number | true | false
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from ccd.errors import ConfigError

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*")
  | (?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![\w.]))
  | (?P<quoted>`[^`]+`)
  | (?P<word>[^\W\d]\w*(?:\.\w+)*)
  | (?P<sign><=|>=|!=|==|<>|=|<|>|\(|\)|,)
  )""",
    re.VERBOSE,
)
_COMPARE = {"=": "==", "==": "==", "!=": "!=", "<>": "!=", "<": "<", "<=": "<=", ">": ">",
            ">=": ">="}  # fmt: skip
_DEEPEST = 50

Value = str | float | bool


@dataclass(frozen=True)
class Compare:
    """A column compared with values: ``==``, ``!=``, ``<``, ``<=``, ``>``, ``>=`` or ``in``."""

    column: str
    sign: str
    values: tuple[Value, ...]


@dataclass(frozen=True)
class IsNull:
    """Whether a column has no value."""

    column: str


@dataclass(frozen=True)
class Not:
    """The opposite."""

    of: Condition


@dataclass(frozen=True)
class Both:
    """``and``, or ``or`` where ``either`` is set."""

    left: Condition
    right: Condition
    either: bool = False


Condition = Compare | IsNull | Not | Both


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


def parse_where(text: str) -> Condition:
    """The condition that a text states.

    Raises:
        ConfigError: It is none; the message shows where.
    """
    parser = _Parser(text)
    condition = parser.either(0)
    if parser.token.kind != "end":
        raise parser.refusal("expected 'and', 'or' or the end")
    return condition


def columns_of(condition: Condition) -> list[str]:
    """The columns that a condition looks at."""
    match condition:
        case Compare(column=column) | IsNull(column=column):
            return [column]
        case Not(of=of):
            return columns_of(of)
        case Both(left=left, right=right):
            return list(dict.fromkeys([*columns_of(left), *columns_of(right)]))


class _Parser:
    """Recursive descent with one token ahead."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = self._split()
        self.token = next(self._tokens)

    def either(self, depth: int) -> Condition:
        left = self._all(depth)
        while self._takes("or"):
            left = Both(left, self._all(depth), either=True)
        return left

    def refusal(self, expected: str) -> ConfigError:
        found = repr(self.token.text) if self.token.text else "the end"
        return ConfigError(
            f"--where: {expected}",
            keys=("--where",),
            found=found,
            details=[self._text, " " * self.token.at + "^"],
            hint="write for instance --where \"type in ('purchase', 'cart') and price >= 5\"",
        )

    def _split(self) -> Iterator[_Token]:
        at = 0
        end = len(self._text.rstrip())
        while at < end:
            found = _TOKEN.match(self._text, at)
            if found is None:
                at += len(self._text[at:]) - len(self._text[at:].lstrip())
                self.token = _Token("sign", self._text[at], at)
                raise self.refusal("this is no name, number or text in quotes")
            kind = str(found.lastgroup)
            yield _Token(kind, found[kind], found.start(kind))
            at = found.end()
        while True:
            yield _Token("end", "", end)

    def _next(self) -> _Token:
        token, self.token = self.token, next(self._tokens)
        return token

    def _takes(self, word: str) -> bool:
        """Whether the next token is this word or sign, which is then left behind."""
        if self.token.kind not in ("word", "sign") or self.token.text.lower() != word:
            return False
        self._next()
        return True

    def _needs(self, word: str) -> None:
        if not self._takes(word):
            raise self.refusal(f"expected {word!r}")

    def _all(self, depth: int) -> Condition:
        left = self._factor(depth)
        while self._takes("and"):
            left = Both(left, self._factor(depth))
        return left

    def _factor(self, depth: int) -> Condition:
        if depth > _DEEPEST:
            raise self.refusal("too many conditions inside one another")
        if self._takes("not"):
            return Not(self._factor(depth + 1))
        if self._takes("("):
            inner = self.either(depth + 1)
            self._needs(")")
            return inner
        return self._comparison()

    def _comparison(self) -> Condition:
        if self.token.kind not in ("word", "quoted"):
            raise self.refusal("expected the name of a column")
        column = self._next().text.strip("`")
        if self._takes("is"):
            opposite = self._takes("not")
            self._needs("null")
            return Not(IsNull(column)) if opposite else IsNull(column)
        opposite = self._takes("not")
        if self._takes("in"):
            return Not(self._among(column)) if opposite else self._among(column)
        if opposite:
            raise self.refusal("expected 'in'")
        if self.token.text not in _COMPARE:
            raise self.refusal("expected =, !=, <, <=, >, >=, 'in' or 'is'")
        sign = _COMPARE[self._next().text]
        return Compare(column, sign, (self._value(),))

    def _among(self, column: str) -> Condition:
        self._needs("(")
        values = [self._value()]
        while self._takes(","):
            values.append(self._value())
        self._needs(")")
        return Compare(column, "in", tuple(values))

    def _value(self) -> Value:
        kind, text, _ = self.token
        if kind == "text":
            self._next()
            return text[1:-1].replace(text[0] * 2, text[0])
        if kind == "number":
            self._next()
            return float(text)
        if kind == "word" and text.lower() in ("true", "false"):
            self._next()
            return text.lower() == "true"
        raise self.refusal("expected a text in quotes, a number, true or false")

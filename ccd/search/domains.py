"""What one setting may be: choices or a range, as Optuna draws them and as gin reads them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import Trial

from ccd.config.graph import Node
from ccd.config.text import value_text

Refuse = Callable[[str, str], None]
"""Takes what is wrong and what to do; does not return."""

_PRIMITIVES = (bool, int, float, str)
_LARGEST_GRID = 1000


@dataclass(frozen=True)
class ChoiceDomain:
    """A list of values; components among them are written ``'@name'``.

    Attributes:
        values: As Optuna stores them: plain values, or the gin text of others.
        texts: The gin text of each.
    """

    values: tuple[Any, ...]
    texts: tuple[str, ...]

    @property
    def distribution(self) -> BaseDistribution:
        """The domain as Optuna's distribution."""
        return CategoricalDistribution(self.values)

    @property
    def chooses_components(self) -> bool:
        """Whether another choice changes what the graph holds."""
        return any(text.startswith("@") for text in self.texts)

    @property
    def points(self) -> tuple[Any, ...]:
        """All values, for a grid."""
        return self.values

    @property
    def probes(self) -> tuple[str, ...]:
        """Texts that must all fit the setting."""
        return self.texts

    def suggest(self, trial: Trial, key: str) -> Any:
        """The value that Optuna proposes, as it stores it."""
        return trial.suggest_categorical(key, self.values)

    def text(self, value: Any) -> str:
        """The gin text of one of ``values``."""
        # By type too: True == 1 and 1 == 1.0.
        same = (i for i, v in enumerate(self.values) if v == value and type(v) is type(value))
        return self.texts[next(same, self.values.index(value))]

    def find(self, current: Any) -> Any:
        """The one of ``values`` that a recipe's value is.

        Raises:
            LookupError: It is none of them.
        """
        text = value_text(current)
        for value, own in zip(self.values, self.texts, strict=True):
            plain = isinstance(current, (int, float)) and not isinstance(current, bool)
            if own == text or (plain and not isinstance(value, (str, bool)) and value == current):
                return value
        raise LookupError(text)


@dataclass(frozen=True)
class Range:
    """Numbers from ``low`` to ``high``, both included; integers where both are."""

    low: float
    high: float
    log: bool = False
    step: float | None = None

    @property
    def is_integer(self) -> bool:
        """Whether only whole numbers are meant."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    @property
    def distribution(self) -> BaseDistribution:
        """The domain as Optuna's distribution."""
        if self.is_integer:
            low, high = int(self.low), int(self.high)
            return IntDistribution(low, high, log=self.log, step=int(self.step or 1))
        return FloatDistribution(float(self.low), float(self.high), log=self.log, step=self.step)

    @property
    def chooses_components(self) -> bool:
        """Numbers choose none."""
        return False

    @property
    def points(self) -> tuple[Any, ...]:
        """All values of an integer range or one with a step, for a grid.

        Raises:
            LookupError: There is no end of values, or too many.
        """
        step = self.step or (1 if self.is_integer else None)
        if step is None or self.log or (self.high - self.low) / step > _LARGEST_GRID:
            raise LookupError
        if self.is_integer:
            return tuple(range(int(self.low), int(self.high) + 1, int(step)))
        # In decimals, so that 0.1 + 2 * 0.1 is the 0.3 that a recipe says.
        low, high, by = (Decimal(str(number)) for number in (self.low, self.high, step))
        return tuple(float(low + index * by) for index in range(int((high - low) / by) + 1))

    @property
    def probes(self) -> tuple[str, ...]:
        """Texts that must all fit the setting."""
        return self.text(self.low), self.text(self.high)

    def suggest(self, trial: Trial, key: str) -> Any:
        """The value that Optuna proposes, as it stores it."""
        if self.is_integer:
            step = int(self.step or 1)
            return trial.suggest_int(key, int(self.low), int(self.high), log=self.log, step=step)
        low, high = float(self.low), float(self.high)
        return trial.suggest_float(key, low, high, log=self.log, step=self.step)

    def text(self, value: Any) -> str:
        """The gin text of a value."""
        return value_text(int(value) if self.is_integer else float(value))

    def find(self, current: Any) -> Any:
        """A recipe's value as Optuna stores it.

        Raises:
            LookupError: It lies outside, or between the steps.
        """
        if type(current) in (int, float) and self.low <= current <= self.high:
            step = self.step or (1 if self.is_integer else None)
            steps = (current - self.low) / step if step else 0.0
            if abs(steps - round(steps)) < 1e-9:
                return int(current) if self.is_integer else float(current)
        raise LookupError(value_text(current))


Domain = ChoiceDomain | Range


def read_domain(value: Any, refuse: Refuse, *, of_floats: bool) -> Domain:
    """What a list or dict of ``Search.space`` stands for.

    Args:
        value: As gin read it.
        refuse: Called where it cannot be used.
        of_floats: Whether a range from 0 to 1 has what lies between them.
    """
    return _range(value, refuse, of_floats) if isinstance(value, dict) else _choices(value, refuse)


def _choices(listed: list[Any], refuse: Refuse) -> ChoiceDomain:
    if not listed:
        refuse("has no choices", "list at least one")
    texts = []
    for item in listed:
        is_reference = isinstance(item, str) and item.startswith("@")
        try:
            texts.append(item if is_reference else value_text(item))
        except TypeError:  # gin reads more than a setting can be, such as bytes
            refuse(f"has {item!r}, which no setting can be", "leave it out")
    repeated = next((text for text in texts if texts.count(text) > 1), None)
    if repeated is not None:
        refuse(f"has {repeated} twice", "list each choice once")
    values = (
        item if item is None or isinstance(item, _PRIMITIVES) else text
        for item, text in zip(listed, texts, strict=True)
    )
    return ChoiceDomain(tuple(values), tuple(texts))


def _range(given: Mapping[str, Any], refuse: Refuse, of_floats: bool) -> Range:
    example = "write {'low': 1e-6, 'high': 1e-3, 'log': True} or {'low': 1, 'high': 4, 'step': 1}"
    unknown = next((key for key in given if key not in ("low", "high", "log", "step")), None)
    if unknown is not None:
        refuse(f"has '{unknown}', which no range has", example)
    low, high = given.get("low"), given.get("high")
    log, step = given.get("log", False), given.get("step")
    numbers = [low, high, *([step] if step is not None else [])]
    for number in numbers:
        if isinstance(number, Node) or type(number) not in (int, float):
            refuse(f"has {_said(number)} where a number belongs", example)
    if not isinstance(log, bool):
        refuse(f"has 'log': {_said(log)}", "write True or False")
    assert isinstance(low, (int, float)), "refused before"
    assert isinstance(high, (int, float)), "refused before"
    if not low <= high:
        refuse(f"has low {low} above high {high}", "swap them")
    if log and low <= 0:
        refuse(f"is logarithmic from {low}", "a logarithmic range starts above 0")
    if log and step is not None:
        refuse("is logarithmic and has a step", "drop one of the two")
    if step is not None and step <= 0:
        refuse(f"has step {step}", "a step is above 0")
    if step is not None:
        first, last, by = (Decimal(str(number)) for number in (low, high, step))
        reached = last - (last - first) % by
        if reached != last:
            refuse(f"has steps of {step} that do not end at {high}", f"write 'high': {reached}")
    if of_floats or isinstance(step, float):
        low, high = float(low), float(high)
    return Range(low, high, log, step)


def _said(value: Any) -> str:
    return "nothing" if value is None else repr(value)

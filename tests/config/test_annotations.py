from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

import pytest
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from ccd.config.annotations import readable, slot_families, strict
from ccd.settings import (
    Flag,
    Fraction,
    NonNegativeInt,
    OpenFraction,
    PositiveFloat,
    PositiveInt,
    ProperFraction,
    Slot,
    Text,
)

Part = Annotated[Callable[..., Any], Slot("part")]


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        (PositiveInt, "int >= 1"),
        (NonNegativeInt | None, "int >= 0 | None"),
        (PositiveFloat, "float > 0"),
        (Fraction, "float in [0, 1]"),
        (OpenFraction, "float in (0, 1)"),
        (ProperFraction, "float in [0, 1)"),
        (Annotated[float, Field(le=2)], "float <= 2"),
        (Flag, "bool"),
        (Text, "str (not empty)"),
        (Literal["l1", "l2"], "'l1' | 'l2'"),
        (Part, "part"),
        (Part | None, "part | None"),
        (tuple[Part, ...], "tuple of part"),
        (tuple[int, str], "(int, str)"),
        (list[int], "list of int"),
        (dict[str, Part], "dict of str to part"),
        (Annotated[tuple[int, ...], Field(min_length=2)], "tuple of int (at least 2 long)"),
        (Annotated[int, Field(multiple_of=4)], "int (multiple of 4)"),
    ],
)
def test_readable(annotation, text):
    assert readable(annotation) == text


def test_slot_families_are_found_anywhere():
    assert slot_families(dict[str, tuple[Part, ...]] | None) == ["part"]
    assert slot_families(tuple[int, ...]) == []


@pytest.mark.parametrize(
    ("annotation", "value", "result"),
    [
        (float, 1, 1.0),
        (tuple[float, ...], [1, 2.5], (1.0, 2.5)),
        (list[int], (1, 2), [1, 2]),
        (dict[str, tuple[str, ...] | str], {"a": ["b"], "c": "d"}, {"a": ("b",), "c": "d"}),
        (int | None, None, None),
    ],
)
def test_strict_converts_only_what_gin_cannot_say(annotation, value, result):
    adapter = TypeAdapter(strict(annotation), config=ConfigDict(strict=True))
    found = adapter.validate_python(value)
    assert found == result
    assert type(found) is type(result)


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (int, "1"),
        (int, True),
        (int, 1.0),
        (float, "1.5"),
        (bool, 1),
        (str, 1),
        (tuple[int, ...], ["1"]),
        (tuple[int, ...], "12"),
        (dict[str, int], {"a": "1"}),
        (int | None, "1"),
        (Part, "part"),
    ],
)
def test_strict_refuses_other_conversions(annotation, value):
    adapter = TypeAdapter(strict(annotation), config=ConfigDict(strict=True))
    with pytest.raises(ValidationError):
        adapter.validate_python(value)

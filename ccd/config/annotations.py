"""Read a setting's annotation: strict for pydantic, readable for people, slots by family."""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import AfterValidator, Field, PlainValidator
from pydantic_core import PydanticCustomError

from ccd.config.graph import Node
from ccd.settings import REQUIRED, Slot

_SEQUENCES = (tuple, list)


def strict(annotation: Any) -> Any:
    """The annotation without pydantic's conversions, but for list <-> tuple and int -> float.

    A slot becomes a check that the value is a node of its family.
    """
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        slot = next((m for m in args[1:] if isinstance(m, Slot)), None)
        if slot is not None:
            return Annotated[Any, PlainValidator(_node_check(slot))]
        return Annotated[(strict(args[0]), *args[1:])]
    if origin in (Union, types.UnionType):
        return Union[tuple(strict(a) for a in args)]  # noqa: UP007
    if annotation in _SEQUENCES or origin in _SEQUENCES:
        inner = origin[tuple(strict(a) for a in args)] if origin and args else annotation
        return Annotated[inner, Field(strict=False)]
    if origin not in (None, Literal) and args:
        return origin[tuple(strict(a) for a in args)]
    return annotation


def slot_families(annotation: Any) -> list[str]:
    """Families of the slots anywhere in the annotation."""
    return [part.family for part in parts(annotation) if isinstance(part, Slot)]


def readable(annotation: Any) -> str:
    """The annotation as a person writes it: ``int >= 1``, ``noise_schedule | None``."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        slot = next((m for m in args[1:] if isinstance(m, Slot)), None)
        return slot.family if slot else " ".join([readable(args[0]), *_rules(args[1:])])
    if origin in (Union, types.UnionType):
        return " | ".join(readable(a) for a in args)
    if origin is Literal:
        return " | ".join(repr(a) for a in args)
    if annotation is None or annotation is types.NoneType:
        return "None"
    if origin is tuple and args[-1:] != (...,):
        return f"({', '.join(readable(a) for a in args)})"
    if origin in _SEQUENCES:
        return f"{origin.__name__} of {readable(args[0])}"
    if origin is dict:
        return f"dict of {readable(args[0])} to {readable(args[1])}"
    return getattr(annotation, "__name__", str(annotation))


def default_text(default: Any) -> str:
    """A default as shown in messages and lists."""
    return "required" if default is REQUIRED else repr(default)


def parts(annotation: Any) -> Iterator[Any]:
    """The annotation, and everything that it is made of: types, ranges and markers."""
    yield annotation
    for part in get_args(annotation):
        yield from parts(part)


def _node_check(slot: Slot) -> Any:
    def check(value: Any) -> Any:
        if isinstance(value, Node) and value.component.family == slot.family:
            return value
        raise PydanticCustomError("slot", "not a component of the family")

    return check


def _rules(metadata: tuple[Any, ...]) -> list[str]:
    """``>= 1`` and the like; an interval becomes ``in [0, 1)``."""
    bounds: dict[str, Any] = {}
    for item in metadata:
        for part in getattr(item, "metadata", [item]):
            for name in ("ge", "gt", "le", "lt", "min_length", "max_length", "multiple_of"):
                if (bound := getattr(part, name, None)) is not None:
                    bounds[name] = bound
    low = bounds.get("ge", bounds.get("gt"))
    high = bounds.get("le", bounds.get("lt"))
    rules = []
    if low is not None and high is not None:
        left, right = "[" if "ge" in bounds else "(", "]" if "le" in bounds else ")"
        rules.append(f"in {left}{low}, {high}{right}")
    elif low is not None:
        rules.append(f"{'>=' if 'ge' in bounds else '>'} {low}")
    elif high is not None:
        rules.append(f"{'<=' if 'le' in bounds else '<'} {high}")
    if bounds.get("min_length") == 1 and "max_length" not in bounds:
        rules.append("(not empty)")
    else:
        words = {"min_length": "at least", "max_length": "at most"}
        rules += [f"({w} {bounds[n]} long)" for n, w in words.items() if n in bounds]
    if "multiple_of" in bounds:
        rules.append(f"(multiple of {bounds['multiple_of']})")
    own = [getattr(m.func, "__name__", "") for m in metadata if isinstance(m, AfterValidator)]
    return rules + [f"({name.strip('_').replace('_', ' ')})" for name in own if name[:1] != "<"]

"""Values and graphs as gin text."""

from __future__ import annotations

import math
from typing import Any

from ccd.config.graph import ConfigGraph, Node


def flat_settings(graph: ConfigGraph) -> dict[str, str]:
    """Every parameter that ``graph`` reaches: ``scope/Component.parameter`` to its gin text."""
    return {
        f"{node.key}.{parameter.name}": value_text(parameter.value)
        for node in graph.nodes()
        for parameter in node.parameters
    }


def value_text(value: Any) -> str:
    """A value as gin reads it; a node becomes ``@scope/Name``.

    Raises:
        TypeError: The value is not a gin literal.
    """
    if isinstance(value, Node):
        return f"@{value.key}"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{value_text(k)}: {value_text(v)}' for k, v in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(value_text, value))}]"
    if isinstance(value, tuple):
        return f"({', '.join(map(value_text, value))}{',' if len(value) == 1 else ''})"
    if isinstance(value, float) and math.isinf(value):
        return "1e999" if value > 0 else "-1e999"  # gin has no word for infinity
    if value is None or isinstance(value, (bool, int, float, str)):
        return repr(value)
    raise TypeError(f"{value!r} is not a gin literal")

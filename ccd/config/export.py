"""A loaded recipe for other programs: JSON with everything, Mermaid as a flow chart."""

from __future__ import annotations

import html
from typing import Any

from ccd.config.graph import Node, Parameter
from ccd.config.merge import Choice, MergedNode, MergedSetting, merge
from ccd.config.recipe import Recipe
from ccd.config.values import mapped


def to_json(recipe: Recipe) -> dict[str, Any]:
    """Plain values: each variant's tree with every parameter and where it was set."""
    return {
        "recipe": recipe.name,
        "path": recipe.path.as_posix(),
        "dataset": recipe.dataset,
        "baseline": recipe.baseline,
        "seeds": list(recipe.seeds),
        "variants": {
            name: _node_json(graph.root) for name, graph in recipe.selected_graphs.items()
        },
    }


def to_mermaid(recipe: Recipe) -> str:
    """A ``flowchart`` of all variants laid over one another.

    Each component stands once with its numbers; an edge that only some variants have is dotted
    and names them.
    """
    root = merge(recipe.selected_graphs)
    ids: dict[str, str] = {}
    lines = ["flowchart LR"]
    for node in root.walk():
        if node.node.key not in ids:
            ids[node.node.key] = f"n{len(ids)}"
            lines.append(f'  {ids[node.node.key]}["{_box(node)}"]')
    edges = [line for node in root.walk() for line in _edges(node, ids)]
    return "\n".join([*lines, *dict.fromkeys(edges)]) + "\n"


def _node_json(node: Node) -> dict[str, Any]:
    return {
        "component": node.component.name,
        "family": node.component.family,
        "scope": node.scope,
        "parameters": {p.name: _parameter_json(p) for p in node.parameters},
    }


def _parameter_json(parameter: Parameter) -> dict[str, Any]:
    value = mapped(parameter.value, lambda v: _node_json(v) if isinstance(v, Node) else v)
    origin = parameter.origin
    if origin is None:
        return {"value": value, "origin": None}
    place = {"file": origin.file, "line": origin.line, "note": origin.note}
    return {"value": value, "origin": place}


def _box(node: MergedNode) -> str:
    lines = [f"<b>{_escaped(node.node.key)}</b>"]
    for setting in node.settings:
        if not any(choice.children for choice in setting.choices):
            texts = " | ".join(choice.text for choice in setting.choices)
            lines.append(_escaped(f"{setting.name} = {texts}"))
    return "<br/>".join(lines)


def _edges(node: MergedNode, ids: dict[str, str]) -> list[str]:
    return [
        f"  {ids[node.node.key]} {_arrow(setting, choice)} {ids[child.node.key]}"
        for setting in node.settings
        for choice in setting.choices
        for child in choice.children
    ]


def _arrow(setting: MergedSetting, choice: Choice) -> str:
    if not setting.differs:
        return f'-->|"{_escaped(setting.name)}"|'
    return f'-.->|"{_escaped(setting.name)}: {_escaped(", ".join(choice.variants))}"|'


def _escaped(text: str) -> str:
    """Text that Mermaid shows as it is: its entities are ``#name;`` and ``#code;``."""
    entities = html.escape(text.replace("#", "\0"), quote=False).replace("&", "#")
    for sign in '"`\\':
        entities = entities.replace(sign, f"#{ord(sign)};")
    return entities.replace("\0", "#35;")

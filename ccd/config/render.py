"""Draw a loaded recipe for the terminal: the tree of components and what variants differ in."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from ccd.config.merge import Choice, MergedNode, MergedSetting, merge
from ccd.config.recipe import Recipe


def render(recipe: Recipe) -> RenderableType:
    """The whole recipe: a headline, the tree, and a table where variants differ."""
    root = merge(recipe.selected_graphs)
    parts: list[RenderableType] = [_headline(recipe), "", _tree(root)]
    rows = list(_differences(root))
    if rows:
        parts += ["", _difference_table(rows, len(recipe.selected_graphs))]
    return Group(*parts)


def _headline(recipe: Recipe) -> Text:
    text = Text(overflow="fold")
    text.append(recipe.name, style="bold")
    text.append(f"  data set {recipe.dataset or 'not named'}")
    text.append(f"  seeds {', '.join(map(str, recipe.seeds))}")
    for name in recipe.selected_graphs:
        text.append(f"\n  {name}", style="cyan")
        if name == recipe.baseline:
            text.append("  baseline", style="dim")
    return text


def _tree(root: MergedNode) -> Tree:
    tree = Tree(_component_label(root))
    _grow(tree, root)
    return tree


def _grow(tree: Tree, node: MergedNode) -> None:
    for setting in node.settings:
        if not setting.differs:
            choice = setting.choices[0]
            _hang(tree.add(_setting_label(setting.name, choice)), choice)
            continue
        branch = tree.add(Text.assemble((setting.name, "bold yellow"), (" differs", "yellow")))
        for choice in setting.choices:
            label = _setting_label("", choice)
            label.append(f"  in {', '.join(choice.variants)}", style="cyan")
            _hang(branch.add(label), choice)


def _hang(tree: Tree, choice: Choice) -> None:
    """Components under the setting that names them; what its text says needs no line of its own."""
    for child in choice.children:
        is_named = choice.text == f"@{child.node.key}" or not child.settings
        _grow(tree if is_named else tree.add(_component_label(child)), child)


def _component_label(node: MergedNode) -> Text:
    return Text(f"@{node.node.key}", style="bold")


def _setting_label(name: str, choice: Choice) -> Text:
    label = Text(overflow="fold")
    label.append(f"{name} = " if name else "")
    label.append(choice.text, style="bold" if choice.children else "green")
    label.append(f"  {choice.origin or 'default'}", style="dim")
    return label


def _differences(root: MergedNode) -> Iterator[tuple[str, MergedSetting]]:
    """Each differing setting once, with the name of its component."""
    seen = set()
    for node in root.walk():
        for setting in node.settings:
            key = (node.node.key, setting.name)
            if setting.differs and key not in seen:
                seen.add(key)
                yield node.node.key, setting


def _difference_table(rows: list[tuple[str, MergedSetting]], n_variants: int) -> Table:
    """One row per setting and value, so that many variants fit a narrow terminal."""
    table = Table(title=f"What the {n_variants} variants differ in", title_justify="left")
    table.add_column("setting", overflow="fold")
    table.add_column("value", overflow="fold", style="green")
    table.add_column("variants", overflow="fold", style="cyan")
    for component, setting in rows:
        names = [f"{component}\n  {setting.name}", *([""] * (len(setting.choices) - 1))]
        for name, choice in zip(names, setting.choices, strict=True):
            table.add_row(Text(name), Text(choice.text), Text("\n".join(choice.variants)))
        table.add_section()
    return table

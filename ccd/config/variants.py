"""A variant's list: ccd's modules, gin files and bindings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ccd.config.annotations import slot_families
from ccd.config.checks import refuse_whole_recipe
from ccd.config.files import find_included, find_module
from ccd.config.language import NOTHING, Layer, read_bindings, read_file, refuse_twice
from ccd.config.layers import Layers
from ccd.config.origin import Origin
from ccd.config.problems import Problems
from ccd.errors import ConfigError
from ccd.registry import find


def read_list(
    name: str, items: Sequence[str], origin: Origin, *, allow_imports: tuple[str, ...]
) -> Layer:
    """The statements of a variant's list, in its order.

    Args:
        name: The variant's name.
        items: Modules (``dma``), files (``own.gin``) and bindings (with ``=``).
        origin: Where the list stands; files are relative to it.
        allow_imports: Python modules that the files may import.

    Raises:
        ConfigError: There is no such file, or an item does not parse or does not belong here.
    """
    result = bindings = NOTHING
    for item in items:
        place = replace(origin, text=item, note=f"variant '{name}'")
        if "=" in item:
            binding = read_bindings([(item, place)])
            bindings += binding
            result += binding
            continue
        folder = origin.path.parent if origin.path else Path()
        try:
            is_path = item.endswith(".gin")
            file = find_included(item, folder) if is_path else find_module("modules", item)
        except ConfigError as error:
            raise error.at(place) from None
        result += read_file(file, allow_imports=allow_imports)
    refuse_twice(bindings)
    refuse_whole_recipe(result, "variant")
    return result


def check_hidden(
    name: str, listed: Layer, layers: Layers, settings: Layer, problems: Problems
) -> None:
    """A recipe's line must not take the slot that a module in a variant's list fills.

    A recipe goes over ccd's ``gin/``: the variant would be called ``+CNS`` and not be it.

    Args:
        name: The variant's name.
        listed: What its list says; names checked.
        layers: What all variants share.
        settings: What the data set needs.
        problems: Receives the lines that do.
    """
    above = (settings + layers.recipe.own).winning
    winners = {binding.key: binding for binding in above.bindings}
    again = {binding.key for binding in listed.own.bindings}
    for binding in listed.wiring.winning.bindings:
        winner = winners.get(binding.key)
        if winner is None or winner.value == binding.value or binding.key in again:
            continue
        component = find(binding.component)
        assert component is not None, "names are checked before"
        if slot_families(component.settings[binding.parameter].annotation):
            what = f"variant '{name}' lists a module for {binding.key}, which the recipe fills"
            hint = "move the recipe's line into the lists of the variants that want it"
            where = (binding.origin, winner.origin)
            problems.add(ConfigError(what, where=where, keys=(binding.key,), hint=hint))

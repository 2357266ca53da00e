"""Load a recipe: its layers, its variants, and one checked config graph per variant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from ccd.config.checks import check_names, check_used
from ccd.config.files import find_file, find_included, find_module, modules, shown
from ccd.config.graph import ConfigGraph, Node
from ccd.config.language import Binding, Layer, read_bindings, read_file, refuse_twice
from ccd.config.origin import Origin
from ccd.config.problems import Problems
from ccd.config.resolve import check_values, resolve
from ccd.errors import ConfigError
from ccd.registry import component, components, find
from ccd.settings import NonNegativeInt, Text
from ccd.suggestions import closest, did_you_mean


def _distinct(values: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(values)) < len(values):
        raise ValueError("a tuple of distinct seeds")
    return values


Items = dict[Text, list[Text]]
"""Name to gin modules (``dma``), gin files (``own.gin``) and bindings (with ``=``)."""
Seeds = Annotated[tuple[NonNegativeInt, ...], Field(min_length=1), AfterValidator(_distinct)]


@component("recipe")
class Ablation:
    """Variants of one experiment, trained on the same seeds and compared.

    Args:
        variants: Display name to what the variant adds; None is one variant, as the recipe stands.
        baseline: The variant that the others are compared with.
        seeds: Each variant is trained once per seed.
        per_dataset: Name of a data set to what a recipe adds when that data set is used. A key
            ``dataset/Component`` is for the variants that hold that component. A recipe that
            includes another adds its keys to the other's; the same key replaces it. A line of the
            recipe file itself replaces what the lists of its includes say of the same setting.
    """

    def __init__(
        self,
        *,
        variants: Items | None = None,
        baseline: Text | None = None,
        seeds: Seeds = (999,),
        per_dataset: Items | None = None,
    ) -> None:
        self.variants = variants or {}
        self.baseline = baseline
        self.seeds = seeds
        self.per_dataset = per_dataset or {}


@dataclass(frozen=True)
class Recipe:
    """A loaded recipe; everything in it is checked.

    Attributes:
        name: The file's name without ending.
        path: The file.
        dataset: Name of the data set.
        baseline: The variant that the others are compared with, selected or not.
        seeds: Seeds of each variant.
        graphs: Every variant's name to its config graph, in the recipe's order.
        selected: Names of the variants that were asked for, in the same order.
        imports: Python modules that the recipe imports.
        search: The settings of a study, where the recipe has any.
    """

    name: str
    path: Path
    dataset: str | None
    baseline: str | None
    seeds: tuple[int, ...]
    graphs: dict[str, ConfigGraph] = field(default_factory=dict)
    selected: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    search: Node | None = None

    @property
    def variants(self) -> tuple[str, ...]:
        """Names of all variants."""
        return tuple(self.graphs)

    @property
    def selected_graphs(self) -> dict[str, ConfigGraph]:
        """The graphs of the selected variants."""
        return {name: self.graphs[name] for name in self.selected}


def load_recipe(
    path: str | Path,
    *,
    dataset: str | None = None,
    with_files: Sequence[str | Path] = (),
    bindings: Sequence[str] = (),
    only: Sequence[str] = (),
    allow_imports: Sequence[str] = (),
    root: str = "Experiment",
    trial: Layer | None = None,
) -> Recipe:
    """Read and check a recipe, without building anything.

    Later layers win: the recipe with its includes, ``dataset``, the recipe's items for that data
    set, the variant's modules, the items for that data set and a component, ``with_files``,
    ``trial``, the variant's bindings, ``bindings``. Items that an included file lists for a data
    set give way to the lines of the recipe file itself.

    Args:
        path: A gin file; where it does not exist, the same path among ccd's own recipes.
        dataset: Name of a file in ``gin/datasets`` or a path that ends in ``.gin``.
        with_files: Gin files to add.
        bindings: Texts such as ``Trainer.epochs = 5``.
        only: Variants to select, all where empty; ``graphs`` has the others nevertheless.
        allow_imports: Python modules that gin files may import.
        root: Component at the top of each graph.
        trial: What a study tries; a gin file with the same bindings gives the same graphs.

    Raises:
        ConfigError: Anything is wrong; the message says where and what to do.
    """
    from ccd import catalogue

    catalogue.load()
    allowed = tuple(allow_imports)
    path = find_file(path)
    own = read_file(path, allow_imports=allowed)
    data = Layer()
    if dataset is not None:
        is_path = dataset.endswith(".gin")
        file = find_file(dataset) if is_path else find_module("datasets", dataset)
        data = read_file(file, allow_imports=allowed)
    added = Layer()
    for name in with_files:
        added += read_file(find_file(name), allow_imports=allowed)
    added += trial or Layer()
    last = read_bindings([(text, Origin("--set", text=text)) for text in bindings])
    return _Loader(path, own, data, added, last, root, allowed).load(tuple(only))


def _with_all_datasets(layer: Layer) -> Layer:
    """The layer in which a later ``per_dataset`` adds to the earlier ones instead of hiding them.

    What a data set needs is included by many recipes; one that tunes a data set of its own must not
    lose the rest without a word.
    """
    own = _dataset_lists(layer)
    if len(own) < 2 or not all(isinstance(b.value, dict) for b in own):
        return layer
    merged: dict[Any, Any] = {}
    for binding in own:
        merged |= binding.value
    others = tuple(b for b in layer.bindings if b not in own)
    return replace(layer, bindings=(*others, replace(own[-1], value=merged)))


def _dataset_lists(layer: Layer) -> list[Binding]:
    return [b for b in layer.bindings if (b.component, b.parameter) == ("Ablation", "per_dataset")]


def _without(layer: Layer, keys: set[str]) -> Layer:
    """The layer without what it says of ``keys``."""
    return replace(
        layer,
        bindings=tuple(b for b in layer.bindings if b.key not in keys),
        macros=tuple(m for m in layer.macros if m.key not in keys),
    )


class _Loader:
    """The layers that all variants share, and how a variant stands between them."""

    def __init__(
        self,
        path: Path,
        own: Layer,
        data: Layer,
        added: Layer,
        last: Layer,
        root: str,
        allowed: tuple[str, ...],
    ) -> None:
        self.path, self.own, self.base = path, own, own + data
        self.added, self.last = added, last
        self.root, self.allowed = root, allowed
        statements = (*own.bindings, *own.macros)
        self.lines = {s.key for s in statements if s.origin.path == path}
        """What the recipe file itself says, not a file that it includes."""
        self.included = {b.origin for b in _dataset_lists(own) if b.origin.path != path}
        self.origin = Origin(shown(path), path=path)
        self.tuned: dict[str, Layer] = {}
        """Component to statements for the data set in use."""

    def load(self, only: tuple[str, ...]) -> Recipe:
        settings, _ = self._ablation()
        ablation: Ablation = settings.factory()()
        dataset = self._dataset_name()
        layers = self._per_dataset(ablation, settings, dataset)
        tuned = layers.get((dataset or "", ""), Layer())
        self.own, self.base = self.own + tuned, self.base + tuned
        self.tuned = {part: layer for (name, part), layer in layers.items() if name == dataset}
        settings, layer = self._ablation()
        search = self._search(layer)
        ablation = settings.factory()()
        names = ablation.variants or {self.path.stem: []}
        _check_choice(ablation.baseline, names, settings["baseline"].origin or self.origin)
        for name in only:
            _check_choice(name, names, None)
        graphs, imports = self._graphs(names, settings, layer, search)
        return Recipe(
            name=self.path.stem,
            path=self.path,
            dataset=dataset,
            baseline=ablation.baseline,
            seeds=ablation.seeds,
            graphs=graphs,
            selected=tuple(name for name in names if name in only or not only),
            imports=imports,
            search=search,
        )

    def _search(self, layer: Layer) -> Node | None:
        """The settings of a study, which only search recipes have."""
        if not any(b.component == "Search" and not b.origin.is_wiring for b in layer.bindings):
            return None
        problems = Problems()
        node = resolve(layer, "Search", self.origin, problems).root
        problems.raise_if_any()
        return node

    def _ablation(self) -> tuple[Node, Layer]:
        """The recipe's own settings, from what all variants share."""
        layer = _with_all_datasets(self.base + self.added + self.last)
        problems = Problems()
        check_names(layer, problems)
        problems.raise_if_any()
        node = resolve(layer, Ablation.__name__, self.origin, problems).root
        problems.raise_if_any()
        return node, layer

    def _dataset_name(self) -> str | None:
        """The setting ``name`` of the component in the root's slot ``dataset``."""
        graph = resolve(self.base + self.added + self.last, self.root, self.origin, Problems())
        slot = next((p for p in graph.root.parameters if p.name == "dataset"), None)
        if slot is None or not isinstance(slot.value, Node):
            return None
        named = [p.value for p in slot.value.parameters if p.name == "name"]
        return named[0] if named and isinstance(named[0], str) else slot.value.component.name

    def _per_dataset(
        self, ablation: Ablation, settings: Node, dataset: str | None
    ) -> dict[tuple[str, str], Layer]:
        """Statements per data set and component, the latter empty where it does not matter.

        All lists are checked, so that no mistake waits for its data.
        """
        shared = self.base + self.added
        problems = Problems()
        lists = [b for b in _dataset_lists(shared + self.last) if isinstance(b.value, dict)]
        origins = {key: binding.origin for binding in lists for key in binding.value}
        layers: dict[tuple[str, str], Layer] = {}
        for key, items in ablation.per_dataset.items():
            name, slash, part = key.partition("/")
            origin = origins.get(key) or settings["per_dataset"].origin or self.origin
            if not name or (slash and not part):
                what = f"Ablation.per_dataset has a list for '{key}'"
                hint = "write 'DATASET' or 'DATASET/Component'"
                raise ConfigError(what, where=origin, keys=("Ablation.per_dataset",), hint=hint)
            if name != dataset:
                self._refuse_typo(name, origin)
            if part and find(part) is None:
                what = f"Ablation.per_dataset has a list for '{key}', but no component is '{part}'"
                hint = did_you_mean(part, [c.name for c in components()])
                problems.add(
                    ConfigError(what, where=origin, keys=("Ablation.per_dataset",), hint=hint)
                )
            layer = sum(self._items(items, origin, f"data set '{key}'"), Layer())
            if origin in self.included:
                layer = _without(layer, self.lines)
            layers[name, part] = layer
            check_names(shared + layer + self.last, problems)
        problems.raise_if_any()
        for layer in layers.values():
            check_values(layer, shared + layer + self.last, problems)
        problems.raise_if_any()
        return layers

    def _refuse_typo(self, name: str, origin: Origin) -> None:
        """A list for a data set of the user's own is legal, one for a misspelt name never used."""
        known = modules("datasets")
        # High, so that ``sports-2018`` is a name of its own and ``sport`` is not.
        near = closest(name, known, cutoff=0.8)
        if near is not None and name not in known:
            what = f"Ablation.per_dataset has a list for '{name}', which is no data set"
            hint = f"did you mean '{near}'? a data set of your own needs a name less like it"
            raise ConfigError(what, where=origin, keys=("Ablation.per_dataset",), hint=hint)

    def _items(self, items: list[str], origin: Origin, note: str) -> tuple[Layer, Layer]:
        """Statements of a list's modules and files, and of its bindings."""
        files = Layer()
        texts = []
        for item in items:
            place = replace(origin, text=item, note=note)
            if "=" in item:
                texts.append((item, place))
                continue
            folder = origin.path.parent if origin.path else Path()
            try:
                is_path = item.endswith(".gin")
                file = find_included(item, folder) if is_path else find_module("modules", item)
            except ConfigError as error:
                raise error.at(place) from None
            files += read_file(file, allow_imports=self.allowed)
        bindings = read_bindings(texts)
        refuse_twice(bindings)
        for binding in bindings.bindings:
            if binding.component in (Ablation.__name__, "Search"):
                what = f"{binding.key} belongs to the whole recipe, not to one variant or data set"
                raise ConfigError(
                    what,
                    where=binding.origin,
                    keys=(binding.key,),
                    hint="bind it in the recipe",
                )
        return files, bindings

    def _graphs(
        self, names: dict[str, list[str]], settings: Node, shared: Layer, search: Node | None
    ) -> tuple[dict[str, ConfigGraph], tuple[str, ...]]:
        """One graph per variant, checked together."""
        layers: dict[str, Layer] = {}
        alone: list[Layer] = []
        problems = Problems()
        origin = settings["variants"].origin or self.origin
        listed = {
            name: self._items(items, origin, f"variant '{name}'") for name, items in names.items()
        }
        for files, bindings in listed.values():
            check_names(self.base + files + self.added + bindings + self.last, problems)
        problems.raise_if_any()
        for name, (files, bindings) in listed.items():
            files += self._tuned_parts(self.base + files + self.added + bindings + self.last)
            layers[name] = self.base + files + self.added + bindings + self.last
            alone.append(self.own + files + bindings)
            # Values that lose too: a mistake shall not wait for the layer above it to go.
            check_values(files + bindings, layers[name], problems)
        common = self.base + self.added + self.last
        check_values(common, common, problems)
        graphs = {
            name: resolve(layer, self.root, self.origin, problems) for name, layer in layers.items()
        }
        problems.raise_if_any()
        # What the recipe sets for its own parts stays legal when the command line swaps them.
        swapped = [
            (layer, list(resolve(layer, self.root, self.origin, Problems()).nodes()))
            for layer in alone
        ]
        of_recipe = [settings, *(search.walk() if search else ())]
        built = [(layers[name], [*graph.nodes(), *of_recipe]) for name, graph in graphs.items()]
        check_used(built, problems, swapped=swapped)
        problems.raise_if_any()
        imports = sum((layer.imports for layer in layers.values()), shared.imports)
        return graphs, tuple(dict.fromkeys(imports))

    def _tuned_parts(self, layer: Layer) -> Layer:
        """What the data set in use adds for the components that ``layer`` builds."""
        graph = resolve(layer, self.root, self.origin, Problems())
        held = {node.component.name for node in graph.nodes()}
        return sum((tuned for part, tuned in self.tuned.items() if part in held), Layer())


def _check_choice(name: str | None, variants: dict[str, Any], origin: Origin | None) -> None:
    if name is not None and name not in variants:
        hint = did_you_mean(name, variants, "variants", list_all=True)
        raise ConfigError(f"no variant '{name}'", where=origin, hint=hint)

"""Load a recipe: one checked config graph per variant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ccd.arguments import as_path, as_texts, as_tuple
from ccd.config.ablation import Ablation
from ccd.config.data_settings import DataSettings, load_settings
from ccd.config.dataset import dataset_name
from ccd.config.files import find_dataset, find_file, find_folder, shown
from ccd.config.graph import ConfigGraph, Node, Parameter
from ccd.config.language import NOTHING, Layer, read_bindings, read_file
from ccd.config.layers import Layers
from ccd.config.origin import Origin
from ccd.config.pipeline import load_graph, load_graphs, sketch
from ccd.config.problems import Problems
from ccd.config.variants import check_hidden, read_list
from ccd.errors import ConfigError
from ccd.suggestions import did_you_mean


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
    dataset: str | Path | None = None,
    with_files: Sequence[str | Path] = (),
    bindings: Sequence[str] = (),
    only: Sequence[str] = (),
    allow_imports: Sequence[str] = (),
    root: str = "Experiment",
    trial: Layer | None = None,
) -> Recipe:
    """Read and check a recipe, without building anything.

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

    path, only = as_path("path", path), as_texts("only", only)
    allowed = as_texts("allow_imports", allow_imports)
    layers = read_layers(
        path,
        dataset=dataset,
        with_files=with_files,
        bindings=bindings,
        only=only,
        allow_imports=allowed,
    )
    layers = replace(layers, added=layers.added + (trial or NOTHING))
    catalogue.load()
    file = None if dataset is None else find_dataset(as_path("dataset", dataset))
    return _Loader(find_file(path), layers, root, allowed).load(file, only)


def read_layers(
    path: str | Path,
    *,
    dataset: str | Path | None = None,
    with_files: Sequence[str | Path] = (),
    bindings: Sequence[str] = (),
    only: Sequence[str] = (),
    allow_imports: Sequence[str] = (),
) -> Layers:
    """Read a recipe and its options without looking up a component, for which torch is imported.

    So a wrong path or variant is refused in a moment. The arguments are those of ``load_recipe``.

    Raises:
        ConfigError: A file is missing or is no gin, or a variant is unknown.
    """
    allowed = as_texts("allow_imports", allow_imports)
    path = find_file(as_path("path", path))
    file = None if dataset is None else find_dataset(as_path("dataset", dataset))
    more = [find_file(as_path("each of with_files", x)) for x in as_tuple("with_files", with_files)]
    texts = as_texts("bindings", bindings)
    if allowed:
        from ccd import catalogue

        catalogue.load()  # first, so that it is a user's component whose name is refused as taken
    layers = Layers(
        recipe=read_file(path, allow_imports=allowed),
        dataset=NOTHING if file is None else read_file(file, allow_imports=allowed),
        added=sum((read_file(name, allow_imports=allowed) for name in more), NOTHING),
        last=read_bindings([(text, Origin("--set", text=text)) for text in texts]),
    )
    winning = {binding.key: binding.value for binding in layers.of().bindings}
    variants = winning.get(f"{Ablation.__name__}.variants") or {path.stem: []}
    if isinstance(variants, dict):  # no macro, which is known later
        for name in as_texts("only", only):
            _check_choice(name, variants, None)
    return layers


class _Loader:
    """Finds out which variants a recipe has and what each of them is made from."""

    def __init__(self, path: Path, layers: Layers, root: str, allowed: tuple[str, ...]) -> None:
        self.path, self.layers, self.root, self.allowed = path, layers, root, allowed
        self.origin = Origin(shown(path), path=path)

    def load(self, dataset_file: Path | None, only: tuple[str, ...]) -> Recipe:
        shared = self.layers.of()
        # What has no effect is known when all graphs are there.
        whole = load_graph(shared.as_wiring(), Ablation.__name__, self.origin).root
        ablation: Ablation = whole.factory()()
        variants = ablation.variants or {self.path.stem: []}
        _check_choice(ablation.baseline, variants, whole["baseline"].origin or self.origin)
        for name in only:
            _check_choice(name, variants, None)
        dataset = dataset_name(sketch([shared], self.root, self.origin)[0])
        settings = self._settings(whole["settings"], dataset, dataset_file)
        search = self._search(settings)
        place = whole["variants"].origin or self.origin
        lists = {
            name: read_list(name, items, place, allow_imports=self.allowed)
            for name, items in variants.items()
        }
        made, swapped = self._layers(lists, settings)
        graphs = load_graphs(
            made,
            self.root,
            self.origin,
            beside=[whole, *(search.walk() if search else ())],
            swapped=swapped,
        )
        return Recipe(
            name=self.path.stem,
            path=self.path,
            dataset=dataset,
            baseline=ablation.baseline,
            seeds=ablation.seeds,
            graphs=graphs,
            selected=tuple(name for name in variants if name in only or not only),
            imports=sum(made.values(), shared).imports,
            search=search,
        )

    def _settings(self, folder: Parameter, dataset: str | None, file: Path | None) -> DataSettings:
        """What the data set in use needs."""
        if folder.value is None:
            return DataSettings()
        origin = folder.origin or self.origin
        try:
            found = find_folder(folder.value, origin.path.parent if origin.path else Path())
        except ConfigError as error:
            raise error.at(origin) from None
        return load_settings(found, dataset, file, self.layers, allow_imports=self.allowed)

    def _search(self, settings: DataSettings) -> Node | None:
        """The settings of a study, which only search recipes have."""
        layer = self.layers.of(settings=settings.of())
        if not any(binding.component == "Search" for binding in layer.own.bindings):
            return None
        return load_graph(layer.as_wiring(), "Search", self.origin).root

    def _layers(
        self, lists: dict[str, Layer], settings: DataSettings
    ) -> tuple[dict[str, Layer], list[Layer]]:
        """What each variant is made from, and what it would be without the command's options."""
        as_it_stands = self.layers.without_options()
        problems = Problems()
        made: dict[str, Layer] = {}
        swapped: list[Layer] = []
        general = [self.layers.of(listed, settings.of()) for listed in lists.values()]
        for name, graph in zip(lists, sketch(general, self.root, self.origin), strict=True):
            needed = settings.of({node.component.name for node in graph.nodes()})
            check_hidden(name, lists[name], self.layers, needed, problems)
            made[name] = self.layers.of(lists[name], needed)
            # What the recipe sets for its own parts stays legal when an option swaps them.
            swapped.append(as_it_stands.of(lists[name], needed))
        problems.raise_if_any()
        return made, swapped


def _check_choice(name: str | None, variants: dict[str, Any], origin: Origin | None) -> None:
    if name is not None and name not in variants:
        hint = did_you_mean(name, variants, "variants", list_all=True)
        raise ConfigError(f"no variant '{name}'", where=origin, hint=hint)

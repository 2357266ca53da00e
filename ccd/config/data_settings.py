"""What a data set needs of a recipe: gin files, found by the names of data set and component."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path

from ccd.config.checks import check_names, refuse_whole_recipe
from ccd.config.files import modules, shown
from ccd.config.language import NOTHING, Layer, read_file, refuse_twice
from ccd.config.layers import Layers
from ccd.config.origin import Origin
from ccd.config.problems import Problems
from ccd.config.resolve import check_values
from ccd.errors import ConfigError
from ccd.registry import components
from ccd.suggestions import closest


@dataclass(frozen=True)
class DataSettings:
    """The settings of one data set.

    Attributes:
        general: What every variant gets.
        parts: Component to what the variants that hold it get.
        beside: Settings that lie beside the data set's own file; they go over the others.
    """

    general: Layer = NOTHING
    parts: dict[str, Layer] = field(default_factory=dict)
    beside: DataSettings | None = None

    def of(self, held: Collection[str] = ()) -> Layer:
        """The settings of a variant that holds the components ``held``.

        Raises:
            ConfigError: The files of two components bind the same setting.
        """
        special = [layer.winning for part, layer in self.parts.items() if part in held]
        refuse_twice(sum(special, NOTHING))
        return sum([*special, self.beside.of(held) if self.beside else NOTHING], self.general)


def load_settings(
    folder: Path,
    dataset: str | None,
    file: Path | None,
    layers: Layers,
    *,
    allow_imports: tuple[str, ...],
) -> DataSettings:
    """Read the settings of all data sets, check them, and pick those of the one in use.

    All are checked, so that no mistake waits for its data.

    Args:
        folder: Holds ``NAME.gin`` and ``NAME/COMPONENT.gin``.
        dataset: Name of the data set in use.
        file: The data set's file, where the user named one: ``shop.gin`` has its settings in
            ``shop.settings.gin`` and ``shop.settings/COMPONENT.gin``.
        layers: What else the recipe says.
        allow_imports: Python modules that the files may import.

    Raises:
        ConfigError: A file does not parse, says something wrong, or is called like no component or
            almost like a data set.
    """
    names = {p.stem for p in folder.glob("*.gin")} | {
        p.name for p in folder.iterdir() if p.is_dir()
    }
    found = {name: _read(folder / name, allow_imports) for name in sorted(names)}
    beside = DataSettings() if file is None else _read(file.with_suffix(".settings"), allow_imports)
    _refuse_typos(folder, found, dataset)
    _check([*found.values(), beside], layers)
    return replace(found.get(dataset or "", DataSettings()), beside=beside)


def _read(stem: Path, allow_imports: tuple[str, ...]) -> DataSettings:
    """``STEM.gin`` and the files in the folder ``STEM``, as far as they exist."""
    file = stem.with_name(f"{stem.name}.gin")
    general = _layer(file, allow_imports) if file.is_file() else NOTHING
    parts = {path: _layer(path, allow_imports) for path in sorted(stem.glob("*.gin"))}
    # Only now all names are known: a file may import the component that it is for.
    return DataSettings(general, {_component(path): layer for path, layer in parts.items()})


def _layer(path: Path, allow_imports: tuple[str, ...]) -> Layer:
    layer = read_file(path, allow_imports=allow_imports)
    refuse_whole_recipe(layer, "data set")
    return layer.as_wiring()


def _component(path: Path) -> str:
    names = {part.name.lower(): part.name for part in components()}
    if path.stem not in names:
        near = closest(path.stem, names)
        hint = f"did you mean {near}.gin?" if near else "'ccd list' shows all components"
        what = f"settings for '{path.stem}', which is no component's name in lower case"
        raise ConfigError(what, where=_place(path), hint=hint)
    return names[path.stem]


def _refuse_typos(folder: Path, names: Collection[str], dataset: str | None) -> None:
    """Settings for a data set of the user's own are legal, those for a misspelt one never used."""
    known = modules("datasets")
    for name in names:
        # High, so that ``sports-2018`` is a name of its own and ``sport`` is not.
        near = closest(name, known, cutoff=0.8)
        if near is not None and name not in (*known, dataset):
            what = f"settings for '{name}', which is no data set"
            hint = f"did you mean '{near}'? a data set of your own needs a name less like it"
            raise ConfigError(what, where=_place(folder / name), hint=hint)


def _check(settings: Collection[DataSettings], layers: Layers) -> None:
    shared = layers.of()
    files = [layer for one in settings for layer in (one.general, *one.parts.values())]
    problems = Problems()
    for layer in files:
        check_names(Layer(layer.bindings, shared.macros + layer.macros), problems)
    problems.raise_if_any()
    for layer in files:
        check_values(layer, layers.of(settings=layer), problems)
    problems.raise_if_any()


def _place(path: Path) -> Origin:
    return Origin(shown(path), path=path)

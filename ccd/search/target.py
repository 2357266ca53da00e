"""What a study searches: one variant of a recipe, with what a trial changes in it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ccd.config.graph import ConfigGraph
from ccd.config.identity import settings_of
from ccd.config.language import Layer, read_bindings
from ccd.config.origin import Origin
from ccd.config.recipe import Recipe, load_recipe
from ccd.config.text import value_text
from ccd.errors import ConfigError
from ccd.search.settings import Search
from ccd.suggestions import did_you_mean

Assignment = Mapping[str, str]
"""Settings that a trial changes: ``scope/Component.parameter`` to gin text."""


@dataclass(frozen=True)
class Source:
    """What a recipe is loaded from, on this machine or another: arguments of ``ccd.run``."""

    recipe: str
    dataset: str | None = None
    data_dir: str | None = None
    with_files: tuple[str, ...] = ()
    bindings: tuple[str, ...] = ()
    allow_imports: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Source:
        """The inverse of ``to_json``."""
        lists = {name: tuple(value) for name, value in record.items() if isinstance(value, list)}
        return cls(**{**record, **lists})

    def load(self, trial: Layer | None = None) -> Recipe:
        """The recipe, with what a trial changes."""
        return load_recipe(
            self.recipe,
            dataset=self.dataset,
            with_files=self.with_files,
            bindings=self.bindings,
            allow_imports=self.allow_imports,
            trial=trial,
        )

    def command(self, variant: str, best: Path, seeds: tuple[int, ...] = ()) -> str:
        """The command that runs the variant with a study's best setting.

        Args:
            variant: Its name.
            best: The file with the setting.
            seeds: Instead of the recipe's, where there are any.
        """
        words = ["ccd", "run", self.recipe, *self._options(str(best)), "--only", variant]
        for seed in seeds:
            words += ["--seed", str(seed)]
        return shlex.join(words)

    def search_command(self, study: str, trials: int, storage: str | None) -> str:
        """The command that begins the search again, under the name ``study``."""
        words = ["ccd", "search", self.recipe, "--study", study, "--trials", str(trials)]
        words += ["--storage", storage] if storage is not None else []
        return shlex.join([*words, *self._options()])

    def _options(self, *more_files: str) -> list[str]:
        words = []
        for option, values in (
            ("--dataset", [self.dataset] if self.dataset else []),
            ("--data-dir", [self.data_dir] if self.data_dir else []),
            ("--allow-import", self.allow_imports),
            ("--with", [*self.with_files, *more_files]),
            ("--set", self.bindings),
        ):
            for value in values:
                words += [option, value]
        return words


class Target:
    """The searched variant of a recipe.

    Args:
        source: From what the recipe is loaded.

    Raises:
        ConfigError: The recipe is wrong, has no space, or does not say which variant is meant.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.recipe = source.load()
        node = self.recipe.search
        if node is None or not node["space"].value:
            raise ConfigError(
                "this recipe has no space to search",
                where=self.recipe.path,
                keys=("Search.space",),
                hint="add Search.space = {'LossMix.hard_weight': [0.5, 0.7]}, as in "
                "recipes/search_ccdrec_freedom.gin",
            )
        self.node = node
        self.search: Search = node.factory()()
        self.variant = self._variant()
        self.seeds = self.search.seeds or self.recipe.seeds[:1]
        self.base = self.recipe.graphs[self.variant]

    def graph(self, assignment: Assignment, origin: Origin | None = None) -> ConfigGraph:
        """The variant's graph with some settings changed.

        Args:
            assignment: The changes.
            origin: Where they come from, for messages.

        Raises:
            ConfigError: The changed variant is refused.
        """
        if not assignment:
            return self.base
        place = origin or Origin("trial")
        texts = [f"{key} = {text}" for key, text in assignment.items()]
        layer = read_bindings([(text, Origin(place.file, place.line, text)) for text in texts])
        return self.source.load(layer).graphs[self.variant]

    @property
    def identity(self) -> dict[str, str]:
        """What makes two studies comparable: the variant's settings and how it is searched."""
        searched = {
            f"Search.{name}": value_text(self.node[name].value) for name in ("space", "objectives")
        }
        return {
            **settings_of(self.base).identity,
            **searched,
            "Search.seeds": value_text(tuple(self.seeds)),
        }

    def _variant(self) -> str:
        asked, names = self.search.variant, self.recipe.variants
        place = self.node["variant"].origin or self.node["space"].origin
        if asked is None and len(names) == 1:
            return names[0]
        if asked is None:
            raise ConfigError(
                "the recipe does not say which of its variants to search",
                where=place,
                keys=("Search.variant",),
                hint=f"write Search.variant = 'NAME' with one of: {', '.join(names)}",
            )
        if asked not in names:
            raise ConfigError(
                f"no variant '{asked}'",
                where=place,
                keys=("Search.variant",),
                hint=did_you_mean(asked, names, "variants"),
            )
        return asked

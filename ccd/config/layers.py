"""Precedence: in which order the statements of a recipe and its options stand."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ccd.config.language import NOTHING, Layer


@dataclass(frozen=True)
class Layers:
    """What all variants of a recipe share.

    Attributes:
        recipe: The recipe's file with its includes.
        dataset: The file of ``--dataset``.
        added: The files of ``--with``, then what a study tries.
        last: The texts of ``--set``.
    """

    recipe: Layer
    dataset: Layer = NOTHING
    added: Layer = NOTHING
    last: Layer = NOTHING

    def of(self, variant: Layer = NOTHING, settings: Layer = NOTHING) -> Layer:
        """All statements of a variant; of the same setting, the later one wins.

        Args:
            variant: What the variant's list says.
            settings: What the data set needs.
        """
        return (
            self.recipe.wiring
            + variant.wiring
            + settings
            + self.recipe.own
            + self.dataset
            + self.added
            + variant.own
            + self.last
        )

    def without_options(self) -> Layers:
        """The recipe as it stands, with the macros that the options define."""
        dataset, added, last = (
            Layer(macros=layer.macros) for layer in (self.dataset, self.added, self.last)
        )
        return replace(self, dataset=dataset, added=added, last=last)

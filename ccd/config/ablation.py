"""The settings of a whole recipe: its variants, their baseline, seeds and data settings."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from ccd.registry import component
from ccd.settings import NonNegativeInt, Text


def _distinct(values: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(values)) < len(values):
        raise ValueError("a tuple of distinct seeds")
    return values


Variants = dict[Text, list[Text]]
"""Name to gin modules (``dma``), gin files (``own.gin``) and bindings (with ``=``)."""
Seeds = Annotated[tuple[NonNegativeInt, ...], Field(min_length=1), AfterValidator(_distinct)]


@component("recipe")
class Ablation:
    """Variants of one experiment, trained on the same seeds and compared.

    Args:
        variants: Display name to what the variant adds; None is one variant, as the recipe stands.
        baseline: The variant that the others are compared with.
        seeds: Each variant is trained once per seed.
        settings: Folder with what each data set needs: ``NAME.gin`` for the data set NAME, and
            ``NAME/COMPONENT.gin`` for the variants on it that hold a component, in lower case. The
            file of ``--dataset my/shop.gin`` brings its own beside it: ``my/shop.settings.gin`` and
            ``my/shop.settings/COMPONENT.gin``. None includes none of them.
    """

    def __init__(
        self,
        *,
        variants: Variants | None = None,
        baseline: Text | None = None,
        seeds: Seeds = (999,),
        settings: Text | None = None,
    ) -> None:
        self.variants = variants or {}
        self.baseline, self.seeds, self.settings = baseline, seeds, settings

"""The planted multimodal world: a generated data set whose truth is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from ccd.datasets.dataset import Dataset
from ccd.datasets.fingerprint import fingerprint
from ccd.datasets.planted_choices import FEWEST, Choices, choose, split
from ccd.datasets.planted_tastes import Tastes, View, draw_tastes, draw_view
from ccd.registry import component
from ccd.settings import NonNegativeFloat, NonNegativeInt, PositiveInt, ProperFraction, Text

Size = Annotated[PositiveInt, Field(ge=50)]
"""A number of users or items with room for clusters, cold items and withheld pairs."""
MeanInteractions = Annotated[float, Field(strict=True, ge=FEWEST, le=1000)]
Sharpness = Annotated[float, Field(strict=True, ge=0, le=50)]
"""Factor of a cosine in an exponent; its range keeps the exponential finite."""
HalfFraction = Annotated[float, Field(strict=True, ge=0, le=0.5)]


@component("dataset")
def planted_world(
    folders: Sequence[Path],
    *,
    name: Text = "planted",
    n_users: Size = 1500,
    n_items: Size = 1200,
    mean_interactions: MeanInteractions = 8.0,
    n_clusters: PositiveInt = 80,
    latent_dim: PositiveInt = 8,
    variation: NonNegativeFloat = 0.5,
    affinity: Sharpness = 10.0,
    zipf_exponent: Sharpness = 0.6,
    image_dim: PositiveInt = 64,
    image_noise: NonNegativeFloat = 0.7,
    text_dim: PositiveInt = 32,
    text_noise: NonNegativeFloat = 0.3,
    missing_share: ProperFraction = 0.05,
    placeholder_share: ProperFraction = 0.03,
    cold_share: HalfFraction = 0.02,
    withheld: NonNegativeInt = 1,
    seed: NonNegativeInt = 7,
) -> Dataset:
    """A generated world of planted tastes, with image-like and text-like views of the items.

    Args:
        folders: Not read.
        name: Name of the data set.
        n_users: Users.
        n_items: Items.
        mean_interactions: Mean over users, all splits together; none has fewer than 5.
        n_clusters: Clusters of taste.
        latent_dim: Width of the latent taste vectors.
        variation: How far individuals are from the centre of their cluster.
        affinity: Sharpness of taste: choices are ~ popularity * exp(affinity * cosine).
        zipf_exponent: Steepness of item popularity.
        image_dim: Width of the image-like features.
        image_noise: Their noise, in standard deviations of a feature.
        text_dim: Width of the text-like features.
        text_noise: Their noise.
        missing_share: Share of items without a modality, for each modality.
        placeholder_share: Share of items that have one vector in common, for each modality.
        cold_share: Share of items that are only ever held out.
        withheld: False negatives per user: well-liked items that are in no split.
        seed: Source of everything.

    Raises:
        ConfigError: The world has too few different items for its users to take.
    """
    rngs = _streams(seed, 5)
    tastes = draw_tastes(
        rngs[0], (n_users, n_items), (n_clusters, latent_dim), variation, zipf_exponent, cold_share
    )
    choices = choose(rngs[1], tastes, mean_interactions, affinity, withheld)
    defects = missing_share, placeholder_share
    views = {
        "image": draw_view(rngs[2], tastes.item_latent, image_dim, image_noise, *defects),
        "text": draw_view(rngs[3], tastes.item_latent, text_dim, text_noise, *defects),
    }
    return _assemble(name, rngs[4], tastes, choices, views)


def _streams(seed: int, n: int) -> list[np.random.Generator]:
    """A stream per part, so that one part's settings leave the others as they are."""
    children = np.random.SeedSequence(seed).spawn(n)
    return [np.random.Generator(np.random.PCG64(child)) for child in children]


def _assemble(
    name: str,
    rng: np.random.Generator,
    tastes: Tastes,
    choices: Choices,
    views: Mapping[str, View],
) -> Dataset:
    train, valid, test = split(rng, choices, tastes.cold)
    truth = {
        "user_latent": tastes.user_latent,
        "item_latent": tastes.item_latent,
        "user_cluster": tastes.user_cluster,
        "item_cluster": tastes.item_cluster,
        "popularity": tastes.popularity,
        "cold_items": tastes.cold,
        "false_negatives": choices.withheld,
    }
    for modality, view in views.items():
        truth[f"{modality}_missing"] = view.missing
        truth[f"{modality}_placeholder"] = view.placeholder
    for array in (*truth.values(), *(view.features for view in views.values())):
        array.flags.writeable = False
    dataset = Dataset(
        name=name,
        n_users=len(tastes.user_latent),
        n_items=len(tastes.item_latent),
        train=train,
        valid=valid,
        test=test,
        features={modality: view.features for modality, view in views.items()},
        notes=_notes(tastes, choices, views),
        truth=truth,
    )
    return replace(dataset, fingerprint=fingerprint(dataset))


def _notes(tastes: Tastes, choices: Choices, views: Mapping[str, View]) -> tuple[str, ...]:
    defects = [
        f"{modality}: {view.missing.sum():,} items have none, {view.placeholder.sum():,} share a "
        "placeholder vector"
        for modality, view in views.items()
    ]
    return (
        f"generated; {len(choices.withheld):,} well-liked pairs are withheld as false negatives, "
        f"{tastes.cold.sum():,} items are never trained on",
        *defects,
    )

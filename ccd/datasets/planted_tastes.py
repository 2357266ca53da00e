"""Tastes and looks of a planted world: latent vectors, popularity, feature views of the items."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_HIDDEN = 32
_STEEPNESS = 4.0


@dataclass(frozen=True)
class Tastes:
    """What users and items are like.

    Attributes:
        centers: float32 unit vectors of the taste clusters ``[n_clusters, latent_dim]``.
        user_cluster: Cluster of each user ``[n_users]``.
        user_latent: float32 unit vectors ``[n_users, latent_dim]``.
        item_cluster: Cluster of each item ``[n_items]``.
        item_latent: float32 unit vectors ``[n_items, latent_dim]``.
        popularity: Share of each item in the choices of a user without taste ``[n_items]``.
        cold: Items that are only ever held out, bool ``[n_items]``.
    """

    centers: np.ndarray
    user_cluster: np.ndarray
    user_latent: np.ndarray
    item_cluster: np.ndarray
    item_latent: np.ndarray
    popularity: np.ndarray
    cold: np.ndarray


@dataclass(frozen=True)
class View:
    """One modality of the items.

    Attributes:
        features: float32 ``[n_items, dim]``.
        missing: Items without it, whose row is zero, bool ``[n_items]``.
        placeholder: Items that share one meaningless vector, bool ``[n_items]``.
    """

    features: np.ndarray
    missing: np.ndarray
    placeholder: np.ndarray


def draw_tastes(
    rng: np.random.Generator,
    sizes: tuple[int, int],
    latent_sizes: tuple[int, int],
    variation: float,
    zipf_exponent: float,
    cold_share: float,
) -> Tastes:
    """Draw clusters and individuals around them; cold items are of the less popular half.

    Args:
        rng: Source of all of it.
        sizes: Users and items.
        latent_sizes: Clusters and width of the latent vectors.
        variation: Length of an individual's deviation from the centre of the cluster.
        zipf_exponent: Popularity is ~ rank ** -zipf_exponent.
        cold_share: Share of items that are cold, half at most.
    """
    n_users, n_items = sizes
    centers = _unit(rng.standard_normal(latent_sizes))
    user_cluster, user_latent = _individuals(rng, n_users, centers, variation)
    item_cluster, item_latent = _individuals(rng, n_items, centers, variation)
    rank = rng.permutation(n_items)
    popularity = (rank + 1.0) ** -zipf_exponent
    unpopular = np.flatnonzero(rank >= n_items // 2)
    cold = np.zeros(n_items, dtype=bool)
    cold[rng.choice(unpopular, size=int(cold_share * n_items), replace=False)] = True
    return Tastes(
        centers=centers,
        user_cluster=user_cluster,
        user_latent=user_latent,
        item_cluster=item_cluster,
        item_latent=item_latent,
        popularity=popularity / popularity.sum(),
        cold=cold,
    )


def draw_view(
    rng: np.random.Generator,
    item_latent: np.ndarray,
    dim: int,
    noise: float,
    missing_share: float,
    placeholder_share: float,
) -> View:
    """Show the items through a random tanh network, with noise and two kinds of defects.

    Args:
        rng: Source of the network, the noise and the defects.
        item_latent: Latent vectors ``[n_items, latent_dim]``.
        dim: Width of the view.
        noise: Standard deviation of the noise, in those of a feature.
        missing_share: Share of items whose row is zero.
        placeholder_share: Share of items, of the others, that share one vector.
    """
    n_items, latent_dim = item_latent.shape
    inner = rng.standard_normal((latent_dim, _HIDDEN)) * _STEEPNESS
    outer = rng.standard_normal((_HIDDEN, dim)) / np.sqrt(_HIDDEN)
    features = np.tanh(item_latent @ inner + rng.standard_normal(_HIDDEN)) @ outer
    features += noise * features.std(axis=0) * rng.standard_normal(features.shape)
    missing = rng.random((n_items,)) < missing_share
    placeholder = ~missing & (rng.random((n_items,)) < placeholder_share)
    features[placeholder] = rng.standard_normal(dim)
    features[missing] = 0
    return View(features.astype(np.float32), missing, placeholder)


def _individuals(
    rng: np.random.Generator, n: int, centers: np.ndarray, variation: float
) -> tuple[np.ndarray, np.ndarray]:
    n_clusters, latent_dim = centers.shape
    cluster = rng.integers(n_clusters, size=n)
    noise = rng.standard_normal((n, latent_dim)) / np.sqrt(latent_dim)
    return cluster, _unit(centers[cluster] + variation * noise)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)

"""Clusters of items, and how alike their members are."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def cohesion(unit: Tensor, n_clusters: int, rng: torch.Generator, rounds: int = 10) -> float:
    """Mean over k-means clusters of the mean similarity of their members with their centroid.

    The centroid is the members' mean, not normalised, so this is the mean of its squared length.

    Args:
        unit: Rows of length 1 ``[n, dim]``.
        n_clusters: At most so many clusters, by cosine.
        rng: Draws the rows that they start from.
        rounds: Of assigning rows to the nearest centroid.
    """
    start = torch.randperm(len(unit), generator=rng, device=rng.device)[:n_clusters]
    centroids = unit[start]
    for _ in range(rounds):
        nearest = (unit @ F.normalize(centroids).T).argmax(dim=1)
        counts = torch.bincount(nearest, minlength=len(centroids))[:, None]
        sums = torch.zeros_like(centroids).index_add_(0, nearest, unit)
        centroids = (sums / counts).where(counts > 0, centroids)
    return centroids[counts[:, 0] > 0].square().sum(dim=1).mean().item()

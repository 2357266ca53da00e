"""The frozen item-item graph: k nearest items per modality, mixed by modality weights."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce
from typing import Annotated, Any

import numpy as np
import torch
from torch import Tensor

from ccd.datasets.dataset import Dataset
from ccd.errors import ConfigError
from ccd.graphs.cache import cached_arrays
from ccd.graphs.engines import Engine
from ccd.registry import component
from ccd.settings import Flag, Fraction, PositiveInt, Slot

ItemGraphFactory = Annotated[Any, Slot("item_graph")]

_BLOCK_CELLS = 8_000_000
"""Similarities held at once: 32 MB of float32."""


class ItemGraph:
    """``S = sum_m w_m K_m``, where row i of ``K_m`` averages over item i's neighbours.

    Every row sums to 1. Applied ``n_layers`` times.

    Args:
        neighbours: Modality to int64 ids ``[n_items, k]``; ids of -1 are padding.
        weights: Modality to its weight; they sum to 1.
        engine: Message-passing engine.
    """

    def __init__(
        self,
        neighbours: Mapping[str, Tensor],
        weights: Mapping[str, float],
        engine: Engine,
        n_layers: int = 1,
    ) -> None:
        self.n_layers = n_layers
        self._terms = []
        for modality, ids in neighbours.items():
            n_items, k = ids.shape
            target = torch.arange(n_items, device=ids.device).repeat_interleave(k)
            source, kept = ids.reshape(-1), ids.reshape(-1) >= 0
            degree = kept.view(n_items, k).sum(1).clamp(min=1)
            adjacency = engine.adjacency(source[kept], target[kept], n_items, n_items)
            self._terms.append((adjacency, (weights[modality] / degree)[:, None]))

    def __call__(self, x: Tensor) -> Tensor:
        for _ in range(self.n_layers):
            x = _added(a.sum_sources(x).mul_(scale) for a, scale in self._terms)
        return x

    def adjoint(self, x: Tensor) -> tuple[Tensor]:
        """``S^T`` applied ``n_layers`` times."""
        for _ in range(self.n_layers):
            x = _added(a.sum_targets(x * scale) for a, scale in self._terms)
        return (x,)


def _added(terms: Iterable[Tensor]) -> Tensor:
    # The built-in sum would start at 0 and copy the first table, twice in every training step.
    return reduce(Tensor.add_, terms)


@component("item_graph")
def knn_graph(
    dataset: Dataset,
    engine: Engine,
    device: torch.device,
    *,
    k: PositiveInt = 10,
    weights: dict[str, Fraction] | None = None,
    n_layers: PositiveInt = 1,
    precomputed: Flag = True,
) -> ItemGraph:
    """Cosine k-nearest-neighbour graph over the raw features, as in FREEDOM.

    Args:
        dataset: Gives features and, where a file has them, precomputed neighbours.
        engine: Message-passing engine.
        device: Where the graph lives.
        k: Neighbours per item and modality, the item itself included.
        weights: Modality to its share; modalities not named divide the rest evenly. FREEDOM's
            image weight 0.1 where None.
        n_layers: How many times the graph is applied.
        precomputed: Use the data set's neighbour lists where they are long enough.

    Raises:
        ConfigError: ``k`` exceeds the number of items, or a weight names no modality.
    """
    if k > dataset.n_items:
        raise ConfigError(
            f"knn_graph.k = {k}, but '{dataset.name}' has {dataset.n_items} items; "
            f"the largest legal value is {dataset.n_items}"
        )
    shares = modality_shares(
        dataset, {"image": 0.1} if weights is None else weights, weights is not None
    )
    neighbours = {}
    for modality in dataset.features:
        known = dataset.neighbours.get(modality)
        if precomputed and known is not None and known.indices.shape[1] >= k:
            ids = np.asarray(known.indices[:, :k], dtype=np.int64)
        else:
            features = dataset.features[modality]
            ids = cached_arrays(
                "knn",
                (features, k),
                lambda f=features: {"ids": nearest_items(f, k)},  # type: ignore[misc]
            )["ids"]
        neighbours[modality] = torch.from_numpy(ids).to(device)
    return ItemGraph(neighbours, shares, engine, n_layers)


def modality_shares(
    dataset: Dataset, weights: Mapping[str, float], strict: bool = True
) -> dict[str, float]:
    """Weights of all modalities of ``dataset``, summing to 1; unnamed ones divide what is left."""
    modalities = list(dataset.features)
    unknown = sorted(set(weights) - set(modalities))
    if unknown and strict:
        raise ConfigError(
            f"knn_graph.weights names '{unknown[0]}', but '{dataset.name}' has the modalities "
            f"{', '.join(modalities) or '(none)'}"
        )
    named = {m: weights[m] for m in modalities if m in weights}
    rest = [m for m in modalities if m not in named]
    left = 1.0 - sum(named.values())
    if left < -1e-9 or (not rest and sum(named.values()) <= 0):
        raise ConfigError(
            f"knn_graph.weights must sum to at most 1 and not be all 0, got {dict(weights)}"
        )
    if not rest:
        return {m: w / sum(named.values()) for m, w in named.items()}
    return {m: named.get(m, left / len(rest)) for m in modalities}


def nearest_items(features: np.ndarray, k: int) -> np.ndarray:
    """The ``k`` items of highest cosine per item, by blocks of rows; int64 ``[n_items, k]``.

    An all-zero row is an item without this modality: it is nobody's neighbour but its own (dividing
    by its norm would make it everyone's), and its list is padded with -1.
    """
    n_items = len(features)
    table = torch.from_numpy(np.array(features, dtype=np.float32))
    norms = table.norm(dim=1, keepdim=True)
    missing = norms[:, 0] == 0
    table /= norms.clamp(min=1e-12)
    rows = max(1, _BLOCK_CELLS // n_items)
    result = torch.empty(n_items, k, dtype=torch.int64)
    for start in range(0, n_items, rows):
        similarity = table[start : start + rows] @ table.T
        similarity[:, missing] = -torch.inf
        values, ids = similarity.topk(k, dim=1)
        result[start : start + rows] = ids.where(values > -torch.inf, -1)
    result[missing] = -1
    result[missing, 0] = torch.arange(n_items)[missing]
    return result.numpy()

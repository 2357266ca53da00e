"""The frozen item-item graph: k nearest items per modality, mixed by modality weights."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import Annotated, Any

import torch
from torch import Tensor

from ccd.datasets.dataset import Dataset
from ccd.graphs.engines import Engine
from ccd.graphs.lists import AdjacencyLists
from ccd.graphs.modality_weights import given_weights, measured_weights
from ccd.graphs.nearest import exact_search, nearest_by_modality
from ccd.graphs.neighbour_search import NeighbourSearch
from ccd.registry import component
from ccd.settings import Fraction, PositiveInt, Slot

ItemGraphFactory = Annotated[Any, Slot("item_graph")]


class ItemGraph:
    """``S = sum_m w_m K_m``, where row i of ``K_m`` averages over item i's neighbours.

    Every row sums to 1. Applied ``n_layers`` times. A training step needs few rows of the result,
    so the last application computes those alone.

    Args:
        neighbours: Modality to int64 ids ``[n_items, k]``; ids of -1 are padding.
        weights: Modality to its weight; they sum to 1.
        engine: Message-passing engine.
        n_layers: How many times the graph is applied.

    Attributes:
        weights: Modality to its weight.
    """

    def __init__(
        self,
        neighbours: Mapping[str, Tensor],
        weights: Mapping[str, float],
        engine: Engine,
        n_layers: int = 1,
    ) -> None:
        self.n_layers, self._engine = n_layers, engine
        self.modalities, self.weights = tuple(neighbours), dict(weights)
        # A target per modality and item: weighting a target's sum costs nothing, weighting the
        # edges would make message passing six times slower.
        ids = torch.cat(list(neighbours.values()))
        self.n_items = len(ids) // len(neighbours)
        target = torch.arange(len(ids), device=ids.device).repeat_interleave(ids.shape[1])
        source, kept = ids.reshape(-1), ids.reshape(-1) >= 0
        self._lists = AdjacencyLists(target[kept], source[kept], len(ids))
        shares = torch.tensor([weights[modality] for modality in neighbours], device=ids.device)
        shares = shares.repeat_interleave(self.n_items) / self._lists.counts.clamp(min=1)
        self._shares = shares.float().view(len(neighbours), self.n_items, 1)
        self._whole = _GraphRows(self._lists, self._shares, None, engine)
        self._last = self._whole

    def at(self, items: Tensor) -> ItemGraph:
        """The same graph, of whose result only the rows of distinct ``items [m]`` are computed."""
        graph = copy(self)
        graph._last = _GraphRows(self._lists, self._shares, items, self._engine)
        return graph

    def __call__(self, x: Tensor) -> Tensor:
        for _ in range(self.n_layers - 1):
            x = self._whole(x)
        return self._last(x)

    def by_modality(self, x: Tensor) -> dict[str, Tensor]:
        """The parts of the result by the modality of the last application; they add up to it."""
        for _ in range(self.n_layers - 1):
            x = self._whole(x)
        return dict(zip(self.modalities, self._last.parts(x), strict=True))

    def adjoint(self, x: Tensor) -> tuple[Tensor]:
        """``S^T x [n_items, dim]``, applied ``n_layers`` times."""
        x = self._last.adjoint(x)
        for _ in range(self.n_layers - 1):
            x = self._whole.adjoint(x)
        return (x,)


class _GraphRows:
    """Rows ``items [m]`` of ``S``, or all: one sum per modality, then their weighted sum."""

    def __init__(
        self, lists: AdjacencyLists, shares: Tensor, items: Tensor | None, engine: Engine
    ) -> None:
        n_modalities, n_items, _ = shares.shape
        self._shares = shares if items is None else shares[:, items]
        first = torch.arange(n_modalities, device=shares.device)[:, None] * n_items
        rows = torch.arange(n_items, device=shares.device) if items is None else items
        owners = (first + rows).reshape(-1)
        target, source = lists.of(owners)
        self._adjacency = engine.adjacency(source, target, n_items, len(owners))

    def __call__(self, x: Tensor) -> Tensor:
        sums = self._adjacency.sum_sources(x).view(*self._shares.shape[:2], -1)
        result = sums[0].mul_(self._shares[0])
        for summed, share in zip(sums[1:], self._shares[1:], strict=True):
            result.addcmul_(summed, share)
        return result

    def parts(self, x: Tensor) -> Tensor:
        """The weighted sum of each modality ``[n_modalities, m, dim]``."""
        return self._adjacency.sum_sources(x).view(*self._shares.shape[:2], -1) * self._shares

    def adjoint(self, x: Tensor) -> Tensor:
        return self._adjacency.sum_targets((x * self._shares).view(-1, x.shape[1]))


@component("item_graph")
def knn_graph(
    dataset: Dataset,
    engine: Engine,
    device: torch.device,
    *,
    k: PositiveInt = 10,
    weights: dict[str, Fraction] | None = None,
    n_layers: PositiveInt = 1,
    search: NeighbourSearch | None = None,
) -> ItemGraph:
    """Cosine k-nearest-neighbour graph over the raw features, as in FREEDOM.

    Args:
        dataset: Gives features and, where a file has them, precomputed neighbours.
        engine: Message-passing engine.
        device: Where the graph lives.
        k: Neighbours per item and modality, the item itself included.
        weights: Modality to its share; modalities not named divide the rest evenly. Where None,
            the training interactions tell: see :func:`measured_weights`.
        n_layers: How many times the graph is applied.
        search: Finds the neighbours; by all cosines where None.

    Raises:
        ConfigError: ``k`` exceeds the number of items, or a weight names no modality.
    """

    def ids_by_modality(of: Dataset) -> dict[str, Tensor]:
        nearest = nearest_by_modality(
            of, device, k, setting="knn_graph.k", search=search or exact_search
        )
        return {modality: found.ids for modality, found in nearest.items()}

    neighbours = ids_by_modality(dataset)
    if weights is None:
        # What is left out keeps its weight, or the others would get it.
        every = neighbours if dataset.complete is None else ids_by_modality(dataset.complete)
        n_items = dataset.n_items - dataset.n_new_items  # new ones change no weights
        ids = {modality: found[:n_items].cpu().numpy() for modality, found in every.items()}
        shares = measured_weights(ids, dataset.train_matrix[:, :n_items])
    else:
        shares = given_weights(dataset, weights)
    return ItemGraph(neighbours, shares, engine, n_layers)

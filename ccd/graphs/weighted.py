"""Item graphs weighted by similarity, on edge lists: fixed ones and such that learn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ccd.datasets.dataset import Dataset
from ccd.graphs.engines import Engine
from ccd.graphs.nearest import NearestItems, nearest_by_modality, nearest_items
from ccd.graphs.propagation import propagate


class Edges(NamedTuple):
    """Edges ``source[j] -> target[j]`` (int64 ``[n_edges]``), ``weights [n_edges]``."""

    source: Tensor
    target: Tensor
    weights: Tensor

    def normalised(self, n_items: int) -> Edges:
        """Each weight over ``sqrt(r_target r_source)``, r the row sums: the sums over targets.

        Differentiable in the weights. A row whose sum is not positive becomes zero, as source too.
        """
        sums = self.weights.new_zeros(n_items).index_add(0, self.target, self.weights)
        positive = sums > 0
        # The inner where keeps the root's infinite slope at 0 out of the gradient.
        scale = sums.where(positive, 1.0).rsqrt().where(positive, 0.0)
        both = scale.index_select(0, self.target) * scale.index_select(0, self.source)
        return self._replace(weights=self.weights * both)


class WeightedItemGraph:
    """``G x`` over weighted edges, differentiable in ``x [n_items, dim]`` and in the weights.

    Weights that differ from edge to edge make message passing several times slower than the plain
    sums of :class:`ItemGraph`.

    Args:
        edges: The edges; parallel ones add up.
        n_items: Number of items.
        engine: Message-passing engine.
    """

    def __init__(self, edges: Edges, n_items: int, engine: Engine) -> None:
        self.edges, self._n_items, self._engine = edges, n_items, engine
        self._adjacency = engine.adjacency(edges.source, edges.target, n_items, n_items)

    def __call__(self, x: Tensor) -> Tensor:
        return self._adjacency.weighted_sum(x, self.edges.weights)

    def detached(self) -> FixedItemGraph:
        """The same graph, through whose weights no gradient passes."""
        return FixedItemGraph(self.edges, self._n_items, self._engine)


class FixedItemGraph:
    """``G x`` over edges whose weights are constant, differentiable in ``x [n_items, dim]``.

    Args:
        edges: The edges; parallel ones add up.
        n_items: Number of items.
        engine: Message-passing engine.
    """

    def __init__(self, edges: Edges, n_items: int, engine: Engine) -> None:
        self.edges = edges._replace(weights=edges.weights.detach())
        self._operator = WeightedSum(self.edges, n_items, n_items, engine)

    def __call__(self, x: Tensor) -> Tensor:
        return propagate(self._operator, x)


class WeightedSum:
    """The linear operator of edges with constant weights: targets sum over their sources.

    Args:
        edges: The edges; parallel ones add up.
        n_sources: Number of sources.
        n_targets: Number of targets.
        engine: Message-passing engine.
    """

    def __init__(self, edges: Edges, n_sources: int, n_targets: int, engine: Engine) -> None:
        source, target, weights = edges
        self._sum = _DirectedSum(edges, n_sources, n_targets, engine)
        transposed = Edges(target, source, weights)
        self._transposed = _DirectedSum(transposed, n_targets, n_sources, engine)

    def __call__(self, x: Tensor) -> Tensor:
        return self._sum(x)

    def adjoint(self, grad: Tensor) -> tuple[Tensor]:
        return (self._transposed(grad),)


class _DirectedSum:
    """Weighted sums over sources, a few columns at a time.

    DGL's kernel is slow where a weight is spread over a row: with weights as wide as the rows, and
    edges in the order of their targets, it takes a fifth of the time.
    """

    columns = 16

    def __init__(self, edges: Edges, n_sources: int, n_targets: int, engine: Engine) -> None:
        order = torch.argsort(edges.target, stable=True)
        self._adjacency = engine.adjacency(
            edges.source[order], edges.target[order], n_sources, n_targets
        )
        self._weights = edges.weights[order, None].repeat(1, self.columns)

    def __call__(self, x: Tensor) -> Tensor:
        sums = []
        for part in x.split(self.columns, dim=1):
            weights = self._weights[:, : part.shape[1]].contiguous()
            sums.append(self._adjacency.weighted_sum(part.contiguous(), weights))
        return torch.cat(sums, dim=1)


def neighbour_edges(nearest: NearestItems) -> Edges:
    """An edge from each neighbour to its item, weighted by their cosine; padding is none."""
    n_items, k = nearest.ids.shape
    target = torch.arange(n_items, device=nearest.ids.device).repeat_interleave(k)
    source = nearest.ids.reshape(-1)
    kept = source >= 0
    return Edges(source[kept], target[kept], nearest.cosines.reshape(-1)[kept])


def similarity_edges(unit: Tensor, k: int) -> Edges:
    """Cosine k-nearest-neighbour graph of learned features; gradient reaches the kept cosines only.

    Args:
        unit: Features ``[n_items, dim]``, rows of length 1, or 0 for an item without any: as in
            :func:`nearest_items` it is nobody's neighbour but its own.
        k: Neighbours per item, the item itself included.
    """
    source, target, _ = edges = neighbour_edges(nearest_items(unit, k))
    cosines = (unit.index_select(0, source) * unit.index_select(0, target)).sum(dim=1)
    # An item's cosine with itself is constant, also where it has no features.
    return edges._replace(weights=cosines.where(source != target, 1.0))


def mixed_edges(terms: Sequence[Edges], shares: Tensor) -> Edges:
    """``sum_m shares[m] G_m``, differentiable in all weights and in ``shares [n_terms]``."""
    weights = [share * edges.weights for share, edges in zip(shares, terms, strict=True)]
    return Edges(
        torch.cat([edges.source for edges in terms]),
        torch.cat([edges.target for edges in terms]),
        torch.cat(weights),
    )


def largest_edges(terms: Sequence[Edges], n_items: int) -> Edges:
    """Every edge that any of ``terms`` has, once, with the largest of its weights."""
    keys = torch.cat([edges.target * n_items + edges.source for edges in terms])
    distinct, place = torch.unique(keys, return_inverse=True)
    weights = torch.cat([edges.weights for edges in terms])
    largest = weights.new_full((len(distinct),), -torch.inf)
    largest = largest.scatter_reduce(0, place, weights, "amax")
    return Edges(distinct % n_items, distinct // n_items, largest)


def weighted_knn(
    dataset: Dataset,
    device: torch.device,
    *,
    k: int,
    setting: str,
) -> dict[str, Edges]:
    """``K_w``: cosine k-nearest-neighbour graph of each modality's raw features, normalised.

    Args:
        dataset: Gives features and, where a file has them, precomputed neighbours.
        device: Where the edges live.
        k: Neighbours per item and modality, the item itself included.
        setting: Key of the setting that gave ``k``, for messages.

    Raises:
        ConfigError: ``k`` exceeds the number of items.
    """
    nearest = nearest_by_modality(dataset, device, k, setting=setting)
    return {
        modality: neighbour_edges(found).normalised(dataset.n_items)
        for modality, found in nearest.items()
    }

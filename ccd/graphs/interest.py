"""What users would have liked but have not met: edges that SOIL adds to its graphs.

Both kinds follow from the training interactions and from the cosines of the raw features.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ccd.blocks import by_blocks
from ccd.datasets.dataset import Dataset
from ccd.graphs.cache import cached_arrays
from ccd.graphs.co_occurrence import heaviest
from ccd.graphs.nearest import unit_features
from ccd.graphs.weighted import Edges

if TYPE_CHECKING:
    from scipy import sparse

_BLOCK_CELLS = 8_000_000
"""Similarities held at once: 32 MB of float32."""


def interest_edges(dataset: Dataset, device: torch.device, n_interests: int) -> dict[str, Edges]:
    """Edges to the items of each history from the items that stand for their user's interest.

    These are, for each modality, the items with the largest summed cosine to the history; the edges
    go from all of them in every modality. In a modality an edge weighs its items' cosine, once for
    each user who has it; edges without a positive cosine are left out.

    Args:
        dataset: Gives training interactions and features.
        device: Where the edges live.
        n_interests: Items per user and modality that stand for the interest; all where there are
            fewer.
    """
    train, features = dataset.train_matrix, list(dataset.features.values())
    n = min(n_interests, dataset.n_items)
    inputs = (*features, train.indptr, train.indices, n)
    arrays = cached_arrays("interest", inputs, lambda: _interests(features, train, n))
    source, target, weights = (
        torch.from_numpy(arrays[name]).to(device) for name in ("source", "target", "weights")
    )
    edges = {}
    for name, of_one in zip(dataset.features, weights, strict=True):
        kept = of_one > 0
        edges[name] = Edges(source[kept], target[kept], of_one[kept])
    return edges


def second_order_interactions(dataset: Dataset, n_pairs: int) -> sparse.csr_matrix:
    """Interactions, and what lies nearest to them, as weights ``[n_users, n_items]``.

    Items are as alike as the product of their cosines in all modalities, where negative ones count
    as 0. Of all pairs of an item in a user's history and another item, the ``n_pairs`` most alike
    add that product to the weight of the other item; interactions themselves weigh 1.

    Args:
        dataset: Gives training interactions and features.
        n_pairs: Pairs per user.
    """
    train, features = dataset.train_matrix, list(dataset.features.values())
    n = min(n_pairs, dataset.n_items - 1)
    # A user's best pairs are among the best pairs of each item in the history.
    arrays = cached_arrays("alike", (*features, n), lambda: _alike(features, n))
    pairs = train.tocoo()
    users = np.repeat(pairs.row.astype(np.int64), n)
    others, products = (arrays[name][pairs.col].ravel() for name in ("ids", "products"))
    some = products > 0
    best = heaviest(users[some], others[some], products[some], n)
    from scipy import sparse

    added = sparse.csr_matrix((best.weights, (best.rows, best.columns)), shape=train.shape)
    return train + added


def _interests(
    features: Sequence[np.ndarray], train: sparse.csr_matrix, n: int
) -> dict[str, np.ndarray]:
    units = [unit_features(table) for table in features]
    chosen = sum(_chosen(unit, train, n) for unit in units)
    # How many users have an item of the history beside one of their interest.
    shared = (train.T @ (chosen > 0).astype(np.float32)).tocoo()
    source, target = shared.col.astype(np.int64), shared.row.astype(np.int64)
    weights = [shared.data * _cosines(unit, source, target) for unit in units]
    return {"source": source, "target": target, "weights": np.stack(weights)}


def _chosen(unit: Tensor, train: sparse.csr_matrix, n: int) -> sparse.csr_matrix:
    """0/1 matrix ``[n_users, n_items]`` of the items nearest to each history in one modality."""
    missing = ~unit.any(dim=1)
    sums = torch.from_numpy(train @ unit.numpy())

    def nearest(rows: Tensor) -> tuple[Tensor, Tensor]:
        scores = rows @ unit.T
        scores[:, missing] = -torch.inf
        values, ids = scores.topk(n, dim=1)
        return values, ids

    best = by_blocks(sums, max(1, _BLOCK_CELLS // len(unit)), nearest, "the items of interest")
    values, ids = (torch.cat(found).numpy().ravel() for found in zip(*best, strict=True))
    users = np.repeat(np.arange(train.shape[0]), n)
    kept = values > 0
    ones = np.ones(int(kept.sum()), dtype=np.float32)
    from scipy import sparse

    return sparse.csr_matrix((ones, (users[kept], ids[kept])), shape=train.shape)


def _cosines(unit: Tensor, source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Cosine of each pair of items ``[n]``."""
    rows = max(1, _BLOCK_CELLS // unit.shape[1])
    blocks = zip(
        torch.from_numpy(source).split(rows), torch.from_numpy(target).split(rows), strict=True
    )
    found = [(unit[first] * unit[second]).sum(dim=1) for first, second in blocks]
    return torch.cat(found).numpy() if found else np.zeros(0, dtype=np.float32)


def _alike(features: Sequence[np.ndarray], n: int) -> dict[str, np.ndarray]:
    """The ``n`` most alike others of each item: ids and products of cosines ``[n_items, n]``."""
    units = [unit_features(table) for table in features]
    n_items = len(units[0])

    def most(items: Tensor) -> tuple[Tensor, Tensor]:
        product = torch.ones(len(items), n_items)
        for unit in units:
            product *= (unit[items] @ unit.T).clamp_(min=0)
        product[torch.arange(len(items)), items] = -1.0
        values, ids = product.topk(n, dim=1)
        return values, ids

    rows = max(1, _BLOCK_CELLS // n_items)
    best = by_blocks(torch.arange(n_items), rows, most, "the items most alike")
    values, ids = (torch.cat(found).numpy() for found in zip(*best, strict=True))
    return {"ids": ids, "products": values}

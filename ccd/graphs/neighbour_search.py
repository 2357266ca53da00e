"""The nearest items by an approximate index, for catalogues of hundreds of thousands."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
import torch

from ccd.extras import import_extra
from ccd.graphs.nearest import NearestItems, cached_neighbours, nearest_items, unit_features
from ccd.registry import component
from ccd.settings import PositiveInt, Slot

_LOG = logging.getLogger("ccd")
_BLOCK_CELLS = 8_000_000
"""Values held at once of the neighbours that are looked at: 32 MB of float32."""
_SAMPLE = 1000
"""Items whose exact neighbours tell how many an index misses."""

NeighbourSearch = Annotated[Callable[[np.ndarray, int], NearestItems], Slot("neighbour_search")]


@component("neighbour_search")
def approximate_search(
    features: np.ndarray, k: int, *, connectivity: PositiveInt = 16, expansion: PositiveInt = 64
) -> NearestItems:
    """A graph index of usearch (HNSW, Malkov and Yashunin 2018); the package is an extra.

    How many of the true neighbours it found for a thousand items is logged. One thread builds the
    index, so that equal features give equal neighbours.

    Args:
        features: Raw features ``[n_items, dim]``.
        k: Neighbours per item, the item itself included.
        connectivity: Links per item of the index.
        expansion: Candidates that it looks at; more find more and take longer.

    Raises:
        ResourceError: usearch is not installed.
    """
    return cached_neighbours(
        (features, k, "hnsw f16", connectivity, expansion),
        lambda: _approximate(features, k, connectivity, expansion),
    )


def _approximate(features: np.ndarray, k: int, connectivity: int, expansion: int) -> NearestItems:
    usearch = import_extra("usearch.index", "ann", "an approximate search", "knn_graph.search")
    unit = unit_features(features)
    ids = torch.full((len(unit), k), -1)
    cosines = torch.zeros(len(unit), k)
    missing = ~unit.any(dim=1)
    ids[missing, 0], cosines[missing, 0] = missing.nonzero()[:, 0], 1.0
    present = (~missing).nonzero()[:, 0]
    rows = unit if len(present) == len(unit) else unit[present]
    width = min(k, len(rows))
    if not width:
        return NearestItems(ids, cosines)
    index = usearch.Index(
        ndim=rows.shape[1],
        metric="ip",
        dtype="f16",  # half the time of f32; the cosines of what it finds are taken anew
        connectivity=connectivity,
        expansion_add=max(expansion, k),
        expansion_search=max(expansion, k),
    )
    index.add(np.arange(len(rows)), rows.numpy(), threads=1)
    for block in torch.arange(len(rows)).split(max(1, _BLOCK_CELLS // (k * rows.shape[1]))):
        near = torch.cat([block[:, None], _found(index, rows[block], width)], dim=1)
        cosine = (rows[near.clamp(min=0)] @ rows[block, :, None])[:, :, 0]
        # An item is its own nearest, whatever the index says.
        own = near == block[:, None]
        cosine.masked_fill_(own | (near < 0), -torch.inf)[:, 0] = torch.inf
        best, order = cosine.topk(width, dim=1)
        best[:, 0] = rows[block].square().sum(dim=1)
        none = best == -torch.inf
        ids[present[block], :width] = present[near.gather(1, order)].masked_fill(none, -1)
        cosines[present[block], :width] = best.masked_fill(none, 0.0)
    _tell_recall(unit, present, ids, k)
    return NearestItems(ids, cosines)


def _found(index: Any, rows: torch.Tensor, k: int) -> torch.Tensor:
    """Places of the vectors that ``index`` finds near each of ``rows [n, dim]``; ``[n, k]``.

    A list that it leaves short ends with -1.
    """
    found = index.search(rows.numpy(), k, threads=torch.get_num_threads())
    keys = np.asarray(found.keys).astype(np.int64).reshape(len(rows), -1)
    # One row's result has another type, and as many keys as were found.
    counts = np.asarray(getattr(found, "counts", [keys.shape[1]])).astype(np.int64)
    listed = np.full((len(rows), k), -1)
    listed[:, : keys.shape[1]] = np.where(np.arange(keys.shape[1]) < counts[:, None], keys, -1)
    return torch.from_numpy(listed)


def _tell_recall(unit: torch.Tensor, present: torch.Tensor, ids: torch.Tensor, k: int) -> None:
    """Log which share of the true neighbours of some items was found."""
    rng = torch.Generator().manual_seed(0)
    drawn = present[torch.randperm(len(present), generator=rng)[:_SAMPLE]]
    exact = nearest_items(unit, k, unit[drawn]).ids
    found = [
        len(set(row) & set(true) - {-1}) / max(1, len(set(true) - {-1}))
        for row, true in zip(ids[drawn].tolist(), exact.tolist(), strict=True)
    ]
    _LOG.warning(
        "note: the approximate search found %.1f %% of the true neighbours of %s items",
        100 * float(np.mean(found)),
        f"{len(drawn):,}",
    )

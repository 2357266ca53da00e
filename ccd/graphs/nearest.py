"""The k items of highest cosine per item: searched by blocks, cached, or read from the data set."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ccd.blocks import by_blocks
from ccd.datasets.dataset import Dataset
from ccd.datasets.scale import computable
from ccd.errors import ConfigError
from ccd.graphs.cache import cached_arrays

_BLOCK_CELLS = 8_000_000
"""Similarities held at once: 32 MB of float32."""
_MANY = 200_000
"""All cosines between so many items take two cores about two minutes; four times as many, 16 times
as long."""
_LOG = logging.getLogger("ccd")


class NearestItems(NamedTuple):
    """int64 item ids ``[n_items, k]``, the item itself included, and their cosines.

    Padding has id -1 and cosine 0.
    """

    ids: Tensor
    cosines: Tensor


def nearest_items(unit: Tensor, k: int, others: Tensor | None = None) -> NearestItems:
    """The ``k`` items of highest cosine per item, by blocks of rows; nothing is differentiated.

    An all-zero row is an item without this modality: it is nobody's neighbour but its own (dividing
    by its norm would make it everyone's), and its list is padded. Where no item has the modality,
    nobody has a neighbour.

    Args:
        unit: Features ``[n_items, dim]``, rows of length 1 or 0.
        k: Neighbours per item.
        others: Features ``[m, dim]`` of other items, whose nearest of the first are wanted instead;
            one without any has none.
    """
    unit = unit.detach()
    asked = unit if others is None else others
    missing, without = ~unit.any(dim=1), ~asked.any(dim=1)

    def largest(rows: Tensor) -> tuple[Tensor, Tensor]:
        similarity = rows @ unit.T
        similarity[:, missing] = -torch.inf
        values, near = similarity.topk(k, dim=1)
        return values, near

    blocks = by_blocks(asked, max(1, _BLOCK_CELLS // len(unit)), largest, "the nearest items")
    cosines, ids = (torch.cat(parts) for parts in zip(*blocks, strict=True))
    padding = cosines.isinf() | without[:, None]
    ids[padding], cosines[padding] = -1, 0.0
    if others is None and not missing.all():
        ids[missing, 0], cosines[missing, 0] = missing.nonzero()[:, 0], 1.0
    return NearestItems(ids, cosines)


def exact_search(features: np.ndarray, k: int) -> NearestItems:
    """The nearest items by all cosines between raw ``features [n_items, dim]``, cached."""

    def search() -> NearestItems:
        if len(features) > _MANY:
            _LOG.warning(
                "note: all cosines between %s items take long; with knn_graph.search = "
                "@approximate_search it is minutes",
                f"{len(features):,}",
            )
        return nearest_items(unit_features(features), k)

    return cached_neighbours((features, k), search)


def cached_neighbours(
    inputs: tuple[object, ...], search: Callable[[], NearestItems]
) -> NearestItems:
    """What ``search`` finds, or found earlier for the same inputs."""

    def arrays() -> dict[str, np.ndarray]:
        found = search()
        return {"ids": found.ids.numpy(), "cosines": found.cosines.numpy()}

    kept = cached_arrays("knn", inputs, arrays)
    return NearestItems(torch.from_numpy(kept["ids"]), torch.from_numpy(kept["cosines"]))


def nearest_by_modality(
    dataset: Dataset,
    device: torch.device,
    k: int,
    *,
    setting: str,
    search: Callable[[np.ndarray, int], NearestItems] = exact_search,
) -> dict[str, NearestItems]:
    """The nearest items under the raw features of each modality, among those that are not new.

    Args:
        dataset: Gives features and, where a file has them, precomputed neighbours.
        device: Where the lists go.
        k: Neighbours per item.
        setting: Key of the setting that gave ``k``, for messages.
        search: Finds the nearest items by raw features, where no file has them.

    Raises:
        ConfigError: ``k`` exceeds the number of items.
    """
    n_items = dataset.n_items - dataset.n_new_items
    if k > n_items:
        raise ConfigError(
            f"{setting} = {k}, but '{dataset.name}' has {n_items} items",
            keys=(setting,),
            hint=f"the largest legal value is {n_items}",
        )
    found = {}
    for modality, every in dataset.features.items():
        features = every[:n_items]
        known = dataset.neighbours.get(modality)
        if known is not None and known.indices.shape[1] >= k:
            nearest = NearestItems(
                torch.from_numpy(np.asarray(known.indices[:, :k], np.int64)),
                torch.from_numpy(np.asarray(known.cosine[:, :k], np.float32)),
            )
        else:
            nearest = search(features, k)
        if dataset.n_new_items:
            new = nearest_items(unit_features(features), k, unit_features(every[n_items:]))
            nearest = NearestItems(*map(torch.cat, zip(nearest, new, strict=True)))
        found[modality] = NearestItems(*(part.to(device) for part in nearest))
    return found


def unit_features(features: np.ndarray) -> Tensor:
    """Rows of ``features [n, dim]`` scaled to length 1, float32; all-zero ones stay so."""
    unit = torch.from_numpy(computable(features))
    return unit.div_(unit.norm(dim=1, keepdim=True).clamp(min=1e-12))

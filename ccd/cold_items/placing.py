"""Vectors of items without interactions, from their features."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated

import torch
from torch import Tensor

from ccd.backbones.base import Backbone, Representations
from ccd.cold_items.scales import Scale, neighbour_norm
from ccd.datasets.dataset import Dataset
from ccd.errors import ConfigError
from ccd.graphs.engines import Engine
from ccd.graphs.item_knn import knn_graph
from ccd.registry import component
from ccd.settings import REQUIRED, Slot

_NEIGHBOURS = 10
"""Nearest items by features, where the backbone has no item graph."""


@component("cold_items")
class ColdItems:
    """Items without interactions stand where their neighbours do, as long as the others.

    An item's ID embedding becomes the mean of its neighbours' in the backbone's item graph, instead
    of the random one that nothing trained. From there on it is made as any other: it passes over
    the graphs, and DMA samples it under the condition of its modalities. Its final vector is then
    brought to the scale of the others.

    Args:
        backbone: Whose items they are.
        dataset: What it was built on.
        engine: Message passing.
        cold: Distinct ids of the items without interactions ``[m]``.
        scale: How long their vectors become.
    """

    def __init__(
        self,
        backbone: Backbone,
        dataset: Dataset,
        engine: Engine,
        cold: Tensor,
        *,
        scale: Scale = REQUIRED,
    ) -> None:
        self._backbone, self._dataset, self._engine, self._scale = backbone, dataset, engine, scale
        self.ids = cold
        self._warm = torch.from_numpy(dataset.train_per_item > 0).to(cold.device)
        self._warm[cold] = False
        self._by_features: Callable[[Tensor], Tensor] | None = None

    @torch.no_grad()
    def place(self) -> None:
        """Give them the ID embeddings of their neighbours, where items have such embeddings."""
        if self._backbone.has_item_embeddings:
            table: Tensor = self._backbone.item_embeddings
            table.index_copy_(0, self.ids, self._near(table))

    @torch.no_grad()
    def factors(self, found: Representations) -> Tensor:
        """What their vectors are to be multiplied by ``[m]``; 1 where the tables are sparse.

        Args:
            found: The representations that the backbone gives.
        """
        if found.items.is_sparse:
            return torch.ones(len(self.ids), device=self.ids.device)
        near = self._near(found.items.norm(dim=1, keepdim=True))[:, 0]
        warm, cold = found.items[self._warm], found.items[self.ids]
        return self._scale(found.users, warm, cold, near)

    def scaled(self, items: Tensor, factors: Tensor) -> Tensor:
        """``items [n_items, dim]`` with theirs multiplied by ``factors [m]``."""
        if items.is_sparse:
            return items
        return items.index_copy(0, self.ids, items[self.ids] * factors[:, None])

    def _near(self, table: Tensor) -> Tensor:
        """Means of their neighbours' rows ``[m, k]`` of ``table [n_items, k]``; 0 without any."""
        weights = self._warm[:, None].to(table.dtype)
        passed = self._passed(torch.cat([table * weights, weights], dim=1))[self.ids]
        total = passed[:, -1:]
        return (passed[:, :-1] / total.where(total > 0, 1.0)).where(total > 0, 0.0)

    def _passed(self, table: Tensor) -> Tensor:
        """``table [n_items, k]``, passed over the item graph."""
        passed = self._backbone.over_item_graph(table)
        if passed is not None:
            return passed
        if self._by_features is None:
            dataset, device = self._dataset, self.ids.device
            k = min(_NEIGHBOURS, dataset.n_items - dataset.n_new_items)
            self._by_features = knn_graph(dataset, self._engine, device, k=k)
        return self._by_features(table)


def refuse_no_features(
    backbone: Backbone, dataset: Dataset, *, with_dma: bool, keys: Sequence[str]
) -> None:
    """Refuse a model that cannot tell items without interactions from one another.

    Args:
        backbone: The recommender.
        dataset: Its data set.
        with_dma: Whether DMA, which reads features, samples the items.
        keys: What asked for it.

    Raises:
        ConfigError: Nothing in the model reads features, or the data set has none.
    """
    name = type(backbone).__name__
    if not (backbone.reads_features or with_dma):
        raise ConfigError(
            f"{name} knows items by who took them alone, so it cannot place those that nobody has",
            keys=keys,
            hint="choose a backbone that reads features, such as FREEDOM, or FeatureKNN",
        )
    if not dataset.features:
        raise ConfigError(
            f"data set '{dataset.name}' has no features, by which items that nobody has taken "
            "could be placed",
            keys=keys,
            hint="import it with --features or --encode",
        )


BY_DEFAULT = partial(ColdItems, scale=neighbour_norm)
"""How new items are placed by a model that was trained without a rule for them."""

ColdItemsFactory = Annotated[
    Callable[[Backbone, Dataset, Engine, Tensor], ColdItems], Slot("cold_items")
]

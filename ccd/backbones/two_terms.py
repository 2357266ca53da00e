"""Backbones whose representations are a convolution of the IDs and a side term."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from ccd.backbones.base import Backbone, Representations, Rows
from ccd.backbones.fusion import Fusion
from ccd.backbones.initial import xavier_uniform
from ccd.backbones.lightgcn import convolution_layers, convolve, mean_of_layers
from ccd.backbones.world import World
from ccd.graphs.user_item import UserItemGraph


class Terms(NamedTuple):
    """The two terms of a representation, each ``[n, dim]``, and what the side is fused from.

    Attributes:
        behaviour: Convolution of the ID embeddings.
        side: The term that is added to it.
        views: The views that it fuses ``[n_views, n, dim]``.
    """

    behaviour: Tensor
    side: Tensor
    views: Tensor


class State(NamedTuple):
    """What the loss needs of a forward pass.

    Attributes:
        users: Terms of the users, in their rows.
        items: Terms of the items, in their rows.
        every: Whatever else it needs, of all users and items.
    """

    users: Terms
    items: Terms
    every: Any


class TwoTerms(Backbone):
    """A convolution of the ID embeddings, the behaviour view, plus a side term.

    DMA: the higher-order representation g is the items' side term, which is added to the behaviour
    view. Where a fusion site changes what propagates (``ego``, ``ego_id``), the behaviour view is
    convolved anew from that; the side term is still that of the ID embeddings' view.

    Args:
        world: Interactions, sizes, engine and random stream.
        graph: What the behaviour view is convolved over.
        n_layers: Layers over it.
    """

    takes_fusion = True

    def __init__(self, world: World, graph: UserItemGraph, *, n_layers: int) -> None:
        super().__init__(world)
        self.graph, self.n_layers = graph, n_layers
        self._every_item = torch.arange(world.n_items, device=world.device)
        self._every_user = torch.arange(world.n_users, device=world.device)
        xavier_uniform(self.user_embeddings, world.rng)
        xavier_uniform(self.item_embeddings, world.rng)

    def higher_order(self, items: Tensor | None = None) -> Tensor:
        items = self._every_item if items is None else items
        return self._terms(Rows(self._every_user[:0], items)).items.side

    def forward(self, fusion: Fusion | None = None, rows: Rows | None = None) -> Representations:
        rows = Rows(self._every_user, self._every_item) if rows is None else rows
        if fusion is None:
            return _added(self._terms(rows))
        users, every, views = self._terms(Rows(rows.users, self._every_item))
        items = Terms(
            every.behaviour.index_select(0, rows.items),
            every.side.index_select(0, rows.items),
            every.views.index_select(1, rows.items),
        )
        if fusion.site == "final":
            items = items._replace(side=fusion.mixed(items.side, rows.items))
        else:
            convolved = self._behaviour(self._ego(fusion, every.side), rows)
            users = users._replace(behaviour=convolved.users)
            items = items._replace(behaviour=convolved.items)
        return _added(State(users, items, views))

    def layered(self, fusion: Fusion | None = None) -> tuple[Representations, Tensor]:
        users, items, views = self._terms(Rows(self._every_user, self._every_item))
        ego = self._ego(fusion, items.side)
        side = items.side
        if fusion is not None and fusion.site == "final":
            side = fusion.mixed(side)
        layers = self._layers(ego)
        behaviour = mean_of_layers(layers, self.graph.n_users)
        users = users._replace(behaviour=behaviour.users)
        items = items._replace(behaviour=behaviour.items, side=side)
        output = _added(State(users, items, views))
        # The side term joins every layer, so that the mean over layers is the final representation.
        return output, layers + torch.cat([users.side, side])

    def _terms(self, rows: Rows) -> State:
        """The terms of users and of items, from the ID embeddings."""
        raise TypeError(f"{type(self).__name__} must define _terms")

    def _ego(self, fusion: Fusion | None, side: Tensor) -> Tensor:
        """What propagates as the items' layer 0 ``[n_items, dim]``, given their side term."""
        if fusion is None or fusion.site == "final":
            return self.item_embeddings
        return fusion.mixed(side if fusion.site == "ego" else self.item_embeddings)

    def _behaviour(self, ego: Tensor, rows: Rows) -> Representations:
        """The behaviour view of ``rows``, with the items' layer 0 ``ego [n_items, dim]``."""
        return convolve(self.graph, self.user_embeddings, ego, self.n_layers, rows)

    def _layers(self, ego: Tensor) -> Tensor:
        """All layers of the behaviour view ``[n_layers + 1, n_users + n_items, dim]``."""
        return convolution_layers(self.graph, self.user_embeddings, ego, self.n_layers)


def _added(state: State) -> Representations:
    """Final representations, the sums of their terms."""
    users, items, _ = state
    return Representations(users.behaviour + users.side, items.behaviour + items.side, state)

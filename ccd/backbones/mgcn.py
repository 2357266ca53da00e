"""MGCN: modality views purified by behaviour (Yu et al. 2023)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ccd.backbones.base import Backbone, Representations, Rows, Step
from ccd.backbones.fusion import Fusion
from ccd.backbones.initial import xavier_uniform
from ccd.backbones.lightgcn import convolution_layers, convolve, mean_of_layers
from ccd.backbones.norms import half_squared_norm
from ccd.backbones.projector import linear
from ccd.backbones.world import World
from ccd.graphs.propagation import propagate
from ccd.graphs.user_item import UserItemGraph
from ccd.graphs.user_item_operators import ItemsToUsers
from ccd.graphs.weighted import FixedItemGraph, weighted_knn
from ccd.losses.info_nce import info_nce
from ccd.registry import component
from ccd.settings import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt


class Terms(NamedTuple):
    """The two terms of a representation, each ``[n, dim]``, and what the side is fused from.

    Attributes:
        behaviour: Convolution of the ID embeddings.
        side: The term that is added to it.
        views: The modality views that it fuses ``[n_modalities, n, dim]``.
    """

    behaviour: Tensor
    side: Tensor
    views: Tensor


class State(NamedTuple):
    """What the loss needs of a forward pass.

    Attributes:
        users: Terms of the users, in their rows.
        items: Terms of the items, in their rows.
        every: Modality views of all items, side by side ``[n_items, n_modalities dim]``.
    """

    users: Terms
    items: Terms
    every: Tensor


@component("backbone")
class MGCN(Backbone):
    """Graph convolution plus a side term fused from modality views that behaviour has purified.

    A modality's features gate the items' ID embeddings, the result passes over the modality's item
    graph and on to the users. The views' attention-weighted sum is what they have in common; what
    sets each apart counts as far as the behaviour view prefers it.

    DMA: the higher-order representation g is the items' fused side term, which is added to the
    behaviour view. Where a fusion site changes what propagates (``ego``, ``ego_id``), the behaviour
    view is convolved anew from that; preferences are those of the ID embeddings' view.

    Args:
        world: Interactions, features, sizes, engine and random stream.
        k: Neighbours per item and modality, the item itself included.
        n_layers: Layers over the user-item graph.
        n_item_layers: How many times an item graph is applied.
        reg_weight: Weight of half the squared norms of the batch's final representations.
        contrast_weight: Weight of InfoNCE between side and behaviour, of items and of users.
        temperature: Temperature of InfoNCE.

    Raises:
        ConfigError: ``k`` exceeds the number of items, or there are no features.
    """

    takes_fusion = True

    def __init__(
        self,
        world: World,
        *,
        k: PositiveInt = 10,
        n_layers: NonNegativeInt = 2,
        n_item_layers: PositiveInt = 1,
        reg_weight: NonNegativeFloat = 1e-4,
        contrast_weight: NonNegativeFloat = 1e-2,
        temperature: PositiveFloat = 0.2,
    ) -> None:
        super().__init__(world)
        world.require_features(type(self).__name__)
        self.n_layers, self.n_item_layers = n_layers, n_item_layers
        self.reg_weight, self.contrast_weight = reg_weight, contrast_weight
        self.temperature = temperature
        edges = weighted_knn(world.dataset, world.device, k=k, setting=f"{type(self).__name__}.k")
        self.item_graphs = {
            name: FixedItemGraph(of_one, world.n_items, world.engine)
            for name, of_one in edges.items()
        }
        self.graph = self._graph(world)
        self._every_item = torch.arange(world.n_items, device=world.device)
        self._every_user = torch.arange(world.n_users, device=world.device)
        xavier_uniform(self.user_embeddings, world.rng)
        xavier_uniform(self.item_embeddings, world.rng)

        def square() -> nn.Linear:
            return linear(world.dim, world.dim, world.rng, world.device)

        self.gates = nn.ModuleDict({name: square() for name in self.item_graphs})
        self.preferences = nn.ModuleDict({name: square() for name in self.item_graphs})
        self.key = square()
        self.query = linear(world.dim, 1, world.rng, world.device, bias=False)

    def _graph(self, world: World) -> UserItemGraph:
        """What the behaviour view is convolved over; the item graphs are built already."""
        return UserItemGraph(world.users, world.items, world.n_users, world.n_items, world.engine)

    def higher_order(self, items: Tensor | None = None) -> Tensor:
        items = self._every_item if items is None else items
        return self._terms(Rows(self._every_user[:0], items)).items.side

    def over_item_graph(self, table: Tensor) -> Tensor | None:
        return torch.stack([graph(table) for graph in self.item_graphs.values()]).mean(dim=0)

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
        layers = convolution_layers(self.graph, self.user_embeddings, ego, self.n_layers)
        behaviour = mean_of_layers(layers, self.graph.n_users)
        users = users._replace(behaviour=behaviour.users)
        items = items._replace(behaviour=behaviour.items, side=side)
        output = _added(State(users, items, views))
        # The side term joins every layer, so that the mean over layers is the final representation.
        return output, layers + torch.cat([users.side, side])

    def own_loss(self, step: Step) -> Tensor | None:
        losses = []
        if self.reg_weight:
            norms = half_squared_norm(step.users, step.positives, step.negatives)
            losses.append(self.reg_weight * norms)
        if self.contrast_weight:
            ids = (step.index.users, step.index.positives)
            for rows, terms in zip(ids, step.output.state[:2], strict=True):
                contrast = info_nce(terms.side, terms.behaviour, self.temperature, (rows, rows))
                losses.append(self.contrast_weight * contrast)
        return torch.stack(losses).sum() if losses else None

    def _ego(self, fusion: Fusion | None, side: Tensor) -> Tensor:
        """What propagates as the items' layer 0 ``[n_items, dim]``, given their side term."""
        if fusion is None or fusion.site == "final":
            return self.item_embeddings
        return fusion.mixed(side if fusion.site == "ego" else self.item_embeddings)

    def _behaviour(self, ego: Tensor, rows: Rows) -> Representations:
        return convolve(self.graph, self.user_embeddings, ego, self.n_layers, rows)

    def _terms(self, rows: Rows) -> State:
        """The terms of users and of items, from the ID embeddings."""
        behaviour = self._behaviour(self.item_embeddings, rows)
        # The modalities side by side: one pass of wide rows is faster than one each.
        items = torch.cat([self._purified(name) for name in self.item_graphs], dim=1)
        users = propagate(ItemsToUsers(self.graph, rows.users), items)
        views = torch.cat([users, items.index_select(0, rows.items)])
        by_modality = torch.stack(views.chunk(len(self.item_graphs), dim=1))
        side = self._fused(by_modality, torch.cat(behaviour[:2]))
        n = len(rows.users)
        return State(
            Terms(behaviour.users, side[:n], by_modality[:, :n]),
            Terms(behaviour.items, side[n:], by_modality[:, n:]),
            items,
        )

    def _purified(self, name: str) -> Tensor:
        """One modality's view of the items ``[n_items, dim]``."""
        gate = self.gates[name](self.projector.project(name)).sigmoid()
        items = self.item_embeddings * gate
        for _ in range(self.n_item_layers):
            items = self.item_graphs[name](items)
        return items

    def _fused(self, views: Tensor, behaviour: Tensor) -> Tensor:
        """The side term ``[n, dim]`` of ``views [n_modalities, n, dim]``."""
        shares = self.query(self.key(views).tanh()).softmax(dim=0)
        common = (shares * views).sum(dim=0)
        wanted = torch.stack([prefer(behaviour) for prefer in self.preferences.values()]).sigmoid()
        return ((wanted * (views - common)).sum(dim=0) + common) / (len(views) + 1)


def _added(state: State) -> Representations:
    """Final representations, the sums of their terms."""
    users, items, _ = state
    return Representations(users.behaviour + users.side, items.behaviour + items.side, state)

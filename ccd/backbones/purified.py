"""What MGCN and its relatives share: views of the items by modality, purified by behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ccd.backbones.base import Backbone, Representations, Rows, Step
from ccd.backbones.fusion import Fusion
from ccd.backbones.initial import xavier_uniform
from ccd.backbones.lightgcn import convolution_layers, convolve, mean_of_layers
from ccd.backbones.projector import linear
from ccd.backbones.world import World
from ccd.graphs.propagation import propagate
from ccd.graphs.user_item import UserItemGraph
from ccd.graphs.user_item_operators import ItemsToUsers
from ccd.graphs.weighted import Edges, FixedItemGraph
from ccd.losses.info_nce import info_nce


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
        every: Views of all items, side by side ``[n_items, n_views dim]``.
    """

    users: Terms
    items: Terms
    every: Tensor


class PurifiedViews(Backbone):
    """Graph convolution plus a side term that is fused from views of the items.

    There is a view for each modality: the modality's features gate the items' ID embeddings, the
    result passes over the modality's item graph and on to the users. A subclass says how the side
    term comes of the views.

    DMA: the higher-order representation g is the items' fused side term, which is added to the
    behaviour view. Where a fusion site changes what propagates (``ego``, ``ego_id``), the behaviour
    view is convolved anew from that; the side term is still that of the ID embeddings' view.

    Args:
        world: Interactions, features, sizes, engine and random stream.
        edges: View to the edges of its item graph.
        n_layers: Layers over the user-item graph.
        n_item_layers: How many times an item graph is applied.
    """

    takes_fusion = True

    def __init__(
        self, world: World, edges: Mapping[str, Edges], *, n_layers: int, n_item_layers: int
    ) -> None:
        super().__init__(world)
        self.n_layers, self.n_item_layers = n_layers, n_item_layers
        self.item_graphs = {
            name: FixedItemGraph(of_one, world.n_items, world.engine)
            for name, of_one in edges.items()
        }
        self._every_item = torch.arange(world.n_items, device=world.device)
        self._every_user = torch.arange(world.n_users, device=world.device)
        self.graph = self._graph(world)
        xavier_uniform(self.user_embeddings, world.rng)
        xavier_uniform(self.item_embeddings, world.rng)
        self.gates = maps_per_view(self, world)

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
        layers = self._layers(ego)
        behaviour = mean_of_layers(layers, self.graph.n_users)
        users = users._replace(behaviour=behaviour.users)
        items = items._replace(behaviour=behaviour.items, side=side)
        output = _added(State(users, items, views))
        # The side term joins every layer, so that the mean over layers is the final representation.
        return output, layers + torch.cat([users.side, side])

    def _contrasts(self, step: Step, temperature: float) -> list[Tensor]:
        """InfoNCE between the side term and the behaviour, of the users and of the positives."""
        ids = (step.index.users, step.index.positives)
        return [
            info_nce(terms.side, terms.behaviour, temperature, (rows, rows))
            for rows, terms in zip(ids, step.output.state[:2], strict=True)
        ]

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

    def _carried(self, items: Tensor, users: Tensor) -> Tensor:
        """What ``users [n]`` get of the items' views ``[n_items, width]``; ``[n, width]``."""
        return propagate(ItemsToUsers(self.graph, users), items)

    def _contents(self) -> dict[str, Tensor]:
        """View to what gates its items ``[n_items, dim]``: projected features."""
        return {name: self.projector.project(name) for name in self.item_graphs}

    def _terms(self, rows: Rows) -> State:
        """The terms of users and of items, from the ID embeddings."""
        behaviour = self._behaviour(self.item_embeddings, rows)
        # The views side by side: one pass of wide rows is faster than one each.
        items = torch.cat([self._purified(*view) for view in self._contents().items()], dim=1)
        users = self._carried(items, rows.users)
        views = torch.cat([users, items.index_select(0, rows.items)])
        by_view = torch.stack(views.chunk(len(self.item_graphs), dim=1))
        side = self._fused(by_view, torch.cat(behaviour[:2]))
        n = len(rows.users)
        return State(
            Terms(behaviour.users, side[:n], by_view[:, :n]),
            Terms(behaviour.items, side[n:], by_view[:, n:]),
            items,
        )

    def _purified(self, name: str, content: Tensor) -> Tensor:
        """One view of the items ``[n_items, dim]``, gated by ``content [n_items, dim]``."""
        items = self.item_embeddings * self.gates[name](content).sigmoid()
        for _ in range(self.n_item_layers):
            items = self.item_graphs[name](items)
        return items

    def _fused(self, views: Tensor, behaviour: Tensor) -> Tensor:
        """The side term ``[n, dim]``.

        Args:
            views: Views of users, then items ``[n_views, n, dim]``.
            behaviour: Their behaviour view ``[n, dim]``.
        """
        raise TypeError(f"{type(self).__name__} must define _fused")


class AttendedViews(PurifiedViews):
    """Views of which an attention tells what they have in common."""

    def _add_attention(self, world: World) -> None:
        """Draw the attention's weights; the last that a subclass draws."""
        self.key = linear(world.dim, world.dim, world.rng, world.device)
        self.query = linear(world.dim, 1, world.rng, world.device, bias=False)

    def _common(self, views: Tensor) -> Tensor:
        """The attention-weighted sum ``[n, dim]`` of ``views [n_views, n, dim]``."""
        shares = self.query(self.key(views).tanh()).softmax(dim=0)
        return (shares * views).sum(dim=0)


def maps_per_view(model: PurifiedViews, world: World) -> nn.ModuleDict:
    """An affine map ``[dim] -> [dim]`` for each of the model's views."""
    return nn.ModuleDict(
        {name: linear(world.dim, world.dim, world.rng, world.device) for name in model.item_graphs}
    )


def _added(state: State) -> Representations:
    """Final representations, the sums of their terms."""
    users, items, _ = state
    return Representations(users.behaviour + users.side, items.behaviour + items.side, state)

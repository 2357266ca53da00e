"""What MGCN and its relatives share: views of the items by modality, purified by behaviour."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from ccd.backbones.base import Rows, Step
from ccd.backbones.norms import half_squared_norm
from ccd.backbones.projector import linear
from ccd.backbones.two_terms import State, Terms, TwoTerms
from ccd.backbones.world import World
from ccd.graphs.propagation import propagate
from ccd.graphs.user_item import UserItemGraph
from ccd.graphs.user_item_operators import ItemsToUsers
from ccd.graphs.weighted import Edges, FixedItemGraph
from ccd.losses.info_nce import info_nce


class PurifiedViews(TwoTerms):
    """Graph convolution plus a side term that is fused from views of the items.

    There is a view for each modality: the modality's features gate the items' ID embeddings, the
    result passes over the modality's item graph and on to the users. A subclass says how the side
    term comes of the views. What the loss also sees of all items are their views, side by side.

    Args:
        world: Interactions, features, sizes, engine and random stream.
        edges: View to the edges of its item graph.
        n_layers: Layers over the user-item graph.
        n_item_layers: How many times an item graph is applied.
    """

    def __init__(
        self, world: World, edges: Mapping[str, Edges], *, n_layers: int, n_item_layers: int
    ) -> None:
        super().__init__(world, self._graph(world, edges), n_layers=n_layers)
        self.n_item_layers = n_item_layers
        self.item_graphs = {
            name: FixedItemGraph(of_one, world.n_items, world.engine)
            for name, of_one in edges.items()
        }
        self.gates = maps_per_view(self, world)

    def _graph(self, world: World, edges: Mapping[str, Edges]) -> UserItemGraph:
        """What the behaviour view is convolved over; ``edges`` are those of the item graphs."""
        return UserItemGraph(world.users, world.items, world.n_users, world.n_items, world.engine)

    def over_item_graph(self, table: Tensor) -> Tensor | None:
        return torch.stack([graph(table) for graph in self.item_graphs.values()]).mean(dim=0)

    def _side_losses(
        self, step: Step, reg_weight: float, contrast_weight: float, temperature: float
    ) -> list[Tensor]:
        """The weighted losses of the final representations and of the terms they are made of.

        Args:
            step: The step.
            reg_weight: Weight of half the squared norms of the final representations.
            contrast_weight: Weight of InfoNCE of the side term against the behaviour, of users and
                of positive items.
            temperature: Temperature of InfoNCE.
        """
        losses = []
        if reg_weight:
            norms = half_squared_norm(step.users, step.positives, step.negatives)
            losses.append(reg_weight * norms)
        if contrast_weight:
            ids = (step.index.users, step.index.positives)
            for rows, terms in zip(ids, step.output.state[:2], strict=True):
                contrast = info_nce(terms.side, terms.behaviour, temperature, (rows, rows))
                losses.append(contrast_weight * contrast)
        return losses

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

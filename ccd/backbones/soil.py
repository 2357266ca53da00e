"""SOIL: MGCN on graphs that hold second-order interest (Su et al. 2024)."""

from __future__ import annotations

import torch
from torch import Tensor

from ccd.backbones.base import Representations, Rows, Step
from ccd.backbones.lightgcn import convolution_layers, mean_of_layers
from ccd.backbones.purified import AttendedViews
from ccd.backbones.two_terms import State
from ccd.backbones.world import World
from ccd.graphs.interest import interest_edges, second_order_interactions
from ccd.graphs.propagation import LinearOperator, propagate
from ccd.graphs.weighted import Edges, mixed_edges, weighted_knn
from ccd.graphs.weighted_user_item import WeightedUserItemGraph
from ccd.losses.info_nce import info_nce
from ccd.registry import component
from ccd.settings import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt


@component("backbone")
class SOIL(AttendedViews):
    """MGCN's views on item graphs and a user-item graph to which users' interests add edges.

    Items that no user has met are no evidence against them: those nearest to a history are linked
    to its user, with a weight, and to its items. The side term is the sum of the views without
    what an attention finds in common.

    As in the authors' code, the graph of second-order interest counts by a share, and it also
    carries the items' views to users.

    DMA: as for MGCN.

    Args:
        world: Interactions, features, sizes, engine and random stream.
        k: Neighbours per item and modality, the item itself included.
        n_interests: Items per user and modality that stand for the user's interest, in the item
            graphs.
        n_pairs: Pairs of a history's item with another that link the user to the other.
        second_order_share: What the second-order graph counts beside the interactions.
        n_layers: Layers over the user-item graph.
        n_item_layers: How many times an item graph is applied.
        contrast_weight: Weight of InfoNCE between side and behaviour, of items and of users.
        interest_weight: Weight of InfoNCE of users against their positive items' behaviour, and
            against their side term.
        temperature: Temperature of InfoNCE.

    Raises:
        ConfigError: ``k`` exceeds the number of items, or there are no features.
    """

    def __init__(
        self,
        world: World,
        *,
        k: PositiveInt = 10,
        n_interests: PositiveInt = 10,
        n_pairs: PositiveInt = 2,
        second_order_share: NonNegativeFloat = 0.5,
        n_layers: NonNegativeInt = 2,
        n_item_layers: PositiveInt = 1,
        contrast_weight: NonNegativeFloat = 1e-2,
        interest_weight: NonNegativeFloat = 1e-2,
        temperature: PositiveFloat = 0.2,
    ) -> None:
        world.require_features("SOIL")
        edges = _item_edges(world, k, n_interests)
        super().__init__(world, edges, n_layers=n_layers, n_item_layers=n_item_layers)
        self.contrast_weight, self.interest_weight = contrast_weight, interest_weight
        self.temperature = temperature
        second_order = second_order_interactions(world.dataset, n_pairs)
        share, engine, device = second_order_share, world.engine, world.device
        self.second_order = WeightedUserItemGraph(second_order, share, engine, device)
        self._both = _Sum(self.graph, self.second_order)
        self._add_attention(world)

    def own_loss(self, step: Step) -> Tensor | None:
        losses = self._side_losses(step, 0.0, self.contrast_weight, self.temperature)
        if self.interest_weight:
            state: State = step.output.state
            pairs = step.index.users, step.index.positives
            for targets in (state.items.behaviour, state.items.side):
                contrast = info_nce(step.output.users, targets, self.temperature, pairs)
                losses.append(self.interest_weight * contrast)
        return torch.stack(losses).sum() if losses else None

    def _behaviour(self, ego: Tensor, rows: Rows) -> Representations:
        users, items, _ = mean_of_layers(self._layers(ego), self.graph.n_users)
        return Representations(users.index_select(0, rows.users), items.index_select(0, rows.items))

    def _layers(self, ego: Tensor) -> Tensor:
        return convolution_layers(self._both, self.user_embeddings, ego, self.n_layers)

    def _carried(self, items: Tensor, users: Tensor) -> Tensor:
        of_second_order = propagate(self.second_order.to_users(users), items)
        return super()._carried(items, users) + of_second_order

    def _fused(self, views: Tensor, behaviour: Tensor) -> Tensor:
        return (views.sum(dim=0) - self._common(views)) / (len(views) + 1)


class _Sum:
    """The sum of two linear operators of one table."""

    def __init__(self, first: LinearOperator, second: LinearOperator) -> None:
        self._first, self._second = first, second

    def __call__(self, x: Tensor) -> Tensor:
        return self._first(x) + self._second(x)

    def adjoint(self, grad: Tensor) -> tuple[Tensor]:
        return (self._first.adjoint(grad)[0] + self._second.adjoint(grad)[0],)


def _item_edges(world: World, k: int, n_interests: int) -> dict[str, Edges]:
    """Each modality's nearest neighbours and interests, normalised apart and added."""
    near = weighted_knn(world.dataset, world.device, k=k, setting="SOIL.k")
    interests = interest_edges(world.dataset, world.device, n_interests)
    return {
        name: mixed_edges(
            [near[name], interests[name].normalised(world.n_items)],
            torch.ones(2, device=world.device),
        )
        for name in near
    }

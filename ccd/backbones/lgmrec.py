"""LGMRec: the modalities' graphs, local, and their hypergraphs, global (Guo et al. 2024)."""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ccd.backbones.base import Rows, Step
from ccd.backbones.dropout import SeededDropout
from ccd.backbones.initial import xavier_uniform
from ccd.backbones.norms import embedding_norm
from ccd.backbones.two_terms import State, Terms, TwoTerms
from ccd.backbones.world import World
from ccd.graphs.propagation import propagate
from ccd.graphs.user_item import UserItemGraph
from ccd.graphs.user_item_operators import HistorySum
from ccd.losses.info_nce import info_nce_among_all
from ccd.registry import component
from ccd.settings import (
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ProperFraction,
)


class Hypergraph(NamedTuple):
    """What nodes get through one modality's hyperedges: ``shares @ hyperedges``.

    Attributes:
        users: How much each user belongs to each hyperedge ``[n_users, n_hyperedges]``.
        items: How much each item does ``[n_items, n_hyperedges]``.
        hyperedges: What the hyperedges collect of the items ``[n_hyperedges, dim]``.
    """

    users: Tensor
    items: Tensor
    hyperedges: Tensor


@component("backbone")
class LGMRec(TwoTerms):
    """Graph convolution plus what modalities say near a node and through their hyperedges.

    Near: projected features, of users their histories' mean, pass over the user-item graph. Far:
    each modality's features say how much an item belongs to a few hyperedges, a user by the sum of
    the history; hyperedges collect the items' behaviour view and hand it to all nodes. The side
    term is the near one of each modality, scaled to length 1, plus a share of the far ones' sum.

    The projections have no bias: a constant would outweigh the features after two layers. At
    inference the shares are the softmax without its Gumbel noise, which the authors' code draws
    there too.

    DMA: the higher-order representation g is the items' side term, which is added to the behaviour
    view; see :class:`TwoTerms`.

    Args:
        world: Interactions, features, sizes, engine and random stream.
        n_layers: Layers over the user-item graph.
        n_modality_layers: Layers of the projected features over it.
        n_hyperedges: Hyperedges of each modality.
        n_hyper_layers: How many times items pass through the hyperedges.
        dropout: Share of a node's belongings that is dropped.
        global_share: What the hyperedges' term counts.
        contrast_weight: Weight of InfoNCE between modalities' hypergraph terms, of users and of
            items. The source sums over a batch where this takes the mean; its 1e-4 is 0.2 here.
        temperature: Temperature of InfoNCE and of the Gumbel softmax.
        reg_weight: Weight of the norms of the batch's final representations.

    Raises:
        ConfigError: There are no features.
    """

    def __init__(
        self,
        world: World,
        *,
        n_layers: NonNegativeInt = 2,
        n_modality_layers: NonNegativeInt = 2,
        n_hyperedges: PositiveInt = 4,
        n_hyper_layers: PositiveInt = 1,
        dropout: ProperFraction = 0.5,
        global_share: NonNegativeFloat = 0.3,
        contrast_weight: NonNegativeFloat = 0.2,
        temperature: PositiveFloat = 0.2,
        reg_weight: NonNegativeFloat = 1e-6,
    ) -> None:
        world.require_features("LGMRec")
        sizes = world.n_users, world.n_items
        graph = UserItemGraph(world.users, world.items, *sizes, world.engine)
        super().__init__(world, graph, n_layers=n_layers)
        self.n_modality_layers, self.n_hyper_layers = n_modality_layers, n_hyper_layers
        self.n_hyperedges, self.global_share = n_hyperedges, global_share
        self.contrast_weight, self.temperature = contrast_weight, temperature
        self.reg_weight, self._rng = reg_weight, world.rng
        self._histories = HistorySum(graph)
        self._lengths = graph.degrees[: graph.n_users, None].clamp(min=1)
        raw = self.projector.raw()
        self.maps = nn.ParameterDict({name: _map(x, world.dim, world) for name, x in raw.items()})
        self.hyperedges = nn.ParameterDict(
            {name: _map(x, n_hyperedges, world) for name, x in raw.items()}
        )
        self.dropout = SeededDropout(dropout, world.rng)

    def own_loss(self, step: Step) -> Tensor | None:
        losses = []
        if self.reg_weight:
            norms = embedding_norm(step.users, step.positives, step.negatives)
            losses.append(self.reg_weight * norms)
        found: list[Hypergraph] = step.output.state.every
        if self.contrast_weight and len(found) > 1:
            contrasts = [
                self._contrast(first, second, step) for first, second in combinations(found, 2)
            ]
            losses.append(self.contrast_weight * torch.stack(contrasts).mean())
        return torch.stack(losses).sum() if losses else None

    def _terms(self, rows: Rows) -> State:
        n_users = self.graph.n_users
        behaviour = self._behaviour(self.item_embeddings, Rows(rows.users, self._every_item))
        raw = {name: features.float() for name, features in self.projector.raw().items()}
        contents = [features @ self.maps[name] for name, features in raw.items()]
        belongings = [features @ self.hyperedges[name] for name, features in raw.items()]
        # One pass over the histories: of the projected features the mean, of the shares the sum.
        items = torch.cat([*contents, *belongings], dim=1)
        widths = [sum(x.shape[1] for x in part) for part in (contents, belongings)]
        content, belonging = propagate(self._histories, items).split(widths, dim=1)
        nodes = torch.cat([content / self._lengths, items[:, : widths[0]]])
        for _ in range(self.n_modality_layers):
            nodes = propagate(self.graph, nodes)
        wanted = torch.cat([rows.users, rows.items + n_users])
        near = nodes.index_select(0, wanted).chunk(len(contents), dim=1)
        views = F.normalize(torch.stack(near), dim=2)
        graphs = [
            self._hypergraph(users, of_items, behaviour.items)
            for users, of_items in zip(belonging.chunk(len(contents), 1), belongings, strict=True)
        ]
        belong = [
            torch.cat([g.users.index_select(0, rows.users), g.items.index_select(0, rows.items)])
            for g in graphs
        ]
        far = [x @ graph.hyperedges for x, graph in zip(belong, graphs, strict=True)]
        side = views.sum(dim=0) + self.global_share * F.normalize(
            torch.stack(far).sum(dim=0), dim=1
        )
        n = len(rows.users)
        return State(
            Terms(behaviour.users, side[:n], views[:, :n]),
            Terms(behaviour.items.index_select(0, rows.items), side[n:], views[:, n:]),
            graphs,
        )

    def _hypergraph(self, users: Tensor, items: Tensor, behaviour: Tensor) -> Hypergraph:
        """One modality's hypergraph, given logits of belonging and the items' behaviour view."""
        of_users, of_items = (self.dropout(self._shares(logits)) for logits in (users, items))
        collected = of_items.T @ behaviour
        for _ in range(self.n_hyper_layers - 1):
            collected = of_items.T @ (of_items @ collected)
        return Hypergraph(of_users, of_items, collected)

    def _shares(self, logits: Tensor) -> Tensor:
        """Softmax of ``logits [n, n_hyperedges]``, in training with Gumbel noise."""
        if self.training:
            noise = torch.empty_like(logits).exponential_(generator=self._rng).log()
            logits = logits - noise
        return (logits / self.temperature).softmax(dim=1)

    def _contrast(self, first: Hypergraph, second: Hypergraph, step: Step) -> Tensor:
        """InfoNCE of one modality's terms against all of the other's, of users and of items."""
        # The terms have the rank of their hyperedges: their products are taken in that few columns.
        between = first.hyperedges @ second.hyperedges.T
        losses = []
        for one, other, ids in (
            (first.users, second.users, step.batch.users),
            (first.items, second.items, step.batch.positives),
        ):
            anchors = (one @ between) / _lengths(one, first.hyperedges)
            targets = other / _lengths(other, second.hyperedges)
            losses.append(info_nce_among_all(anchors, targets, self.temperature, ids))
        return torch.stack(losses).sum()


def _map(features: Tensor, width: int, world: World) -> nn.Parameter:
    """A linear map ``[feature_dim, width]`` of ``features [n_items, feature_dim]``, no bias."""
    table = nn.Parameter(torch.empty(features.shape[1], width, device=world.device))
    xavier_uniform(table, world.rng)
    return table


def _lengths(shares: Tensor, hyperedges: Tensor) -> Tensor:
    """Lengths of the rows of ``shares @ hyperedges``, ``[n, 1]``."""
    return (shares @ hyperedges).norm(dim=1, keepdim=True).clamp(min=1e-12)

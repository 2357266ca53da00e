"""REARM: graphs among items and among users, and what modalities share (Ma et al. 2025)."""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ccd.backbones.base import Backbone, Representations, Rows, Step
from ccd.backbones.entries import EntryAttention, LowRankMaps
from ccd.backbones.fusion import Fusion
from ccd.backbones.lightgcn import convolve
from ccd.backbones.norms import unit_rows
from ccd.backbones.projector import linear
from ccd.backbones.world import World
from ccd.graphs.item_knn import ItemGraph, ItemGraphFactory
from ccd.graphs.propagation import LinearOperator, propagate
from ccd.graphs.user_item import UserItemGraph
from ccd.graphs.user_item_operators import HistorySum
from ccd.graphs.user_knn import nearest_users
from ccd.graphs.user_user import CoInteractions
from ccd.losses.info_nce import info_nce
from ccd.registry import component
from ccd.settings import (
    REQUIRED,
    Fraction,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ProperFraction,
)


class Views(NamedTuple):
    """Convolved modality views, side by side: ``users`` and ``items [n, n_modalities dim]``."""

    users: Tensor
    items: Tensor


class Homograph(NamedTuple):
    """A graph among nodes of one kind: a share of co-occurrence, the rest of likeness."""

    together: LinearOperator
    alike: LinearOperator
    share: float
    n_layers: int

    def __call__(self, x: Tensor) -> Tensor:
        """The last layer of ``x [n, width]``."""
        for _ in range(self.n_layers):
            together, alike = propagate(self.together, x), propagate(self.alike, x)
            x = self.share * together + (1 - self.share) * alike
        return x


@component("backbone")
class REARM(Backbone):
    """ID embeddings and modality views pass over graphs of one kind of node, then over both kinds.

    Items are linked where they have users in common and where their features are alike; users where
    they have items in common and where their histories' features are. The items' views then attend
    to themselves and to each other, entry by entry, and all is convolved over the user-item graph.
    A node's representation has, side by side, for each modality its view plus its convolved ID
    embedding, and once more that embedding plus what a map of the node's own makes of it. The maps
    are made of the views and stand for what modalities share; that views be uncorrelated keeps what
    sets each apart.

    Left to decide by the paper, or decided otherwise than in its authors' code: the neighbours by
    features count alike, weighted as in the item graph, and users have one list of them for all
    modalities; a user's features are the mean of the history's and are not trained apart; dropout
    hits what is attended to; the maps are made of the views directly, without the nodes' mean,
    which would need all nodes in every step. With more than two modalities each asks the mean of
    the others.

    DMA: the higher-order representation g is the items' convolved ID embeddings, which a fusion at
    the end replaces, as for LightGCN.

    Args:
        world: Interactions, features, sizes, engine and random stream.
        item_graph: The items that are alike by features.
        n_layers: Layers over the user-item graph.
        n_item_layers: Layers over the items' graph.
        n_user_layers: Layers over the users' graph.
        n_item_neighbours: Items with most users in common, per item.
        n_user_neighbours: Users with most items in common, and users alike, per user.
        item_share: Share of co-occurrence in the items' graph.
        user_share: Share of co-occurrence in the users' graph.
        self_dropout: Share of the entries that are dropped where a view attends to itself.
        cross_dropout: Share of them where it attends to the others.
        rank: Rank of the nodes' own maps.
        contrast_weight: Weight of InfoNCE between modalities' views, of users and of items.
        temperature: Temperature of InfoNCE.
        orthogonal_weight: Weight of the mean squared correlation of modalities' views, of users
            and of items. The source squares sums over the batch where this takes means; its 5e-5
            is 0.05 here.

    Raises:
        ConfigError: There are no features.
    """

    takes_fusion = True

    def __init__(
        self,
        world: World,
        *,
        item_graph: ItemGraphFactory = REQUIRED,
        n_layers: NonNegativeInt = 4,
        n_item_layers: NonNegativeInt = 1,
        n_user_layers: NonNegativeInt = 1,
        n_item_neighbours: PositiveInt = 10,
        n_user_neighbours: PositiveInt = 40,
        item_share: Fraction = 0.2,
        user_share: Fraction = 0.4,
        self_dropout: ProperFraction = 0.4,
        cross_dropout: ProperFraction = 0.6,
        rank: PositiveInt = 3,
        contrast_weight: NonNegativeFloat = 1e-3,
        temperature: PositiveFloat = 0.6,
        orthogonal_weight: NonNegativeFloat = 0.05,
    ) -> None:
        world.require_features("REARM")
        super().__init__(world)
        self.n_layers, self.contrast_weight = n_layers, contrast_weight
        self.temperature, self.orthogonal_weight = temperature, orthogonal_weight
        edges = world.users, world.items
        self.graph = UserItemGraph(*edges, world.n_users, world.n_items, world.engine)
        self._histories = HistorySum(self.graph)
        self._lengths = self.graph.degrees[: world.n_users, None].clamp(min=1)
        self.item_graph = item_graph(world.dataset, world.engine, world.device)
        together = _together(*edges[::-1], world.n_items, world.n_users, n_item_neighbours, world)
        self.items = Homograph(together, self.item_graph, item_share, n_item_layers)
        together = _together(*edges, world.n_users, world.n_items, n_user_neighbours, world)
        alike = _alike(world, self.item_graph.weights, n_user_neighbours)
        self.users = Homograph(together, alike, user_share, n_user_layers)
        met = self.graph.degrees > 0
        self._of_users, self._of_items = (
            part / part.sum() for part in met.float().split([world.n_users, world.n_items])
        )
        self._draw_weights(world, self_dropout, cross_dropout, rank)

    def _draw_weights(
        self, world: World, self_dropout: float, cross_dropout: float, rank: int
    ) -> None:
        for table in (self.user_embeddings, self.item_embeddings):
            table.detach().normal_(std=0.1, generator=world.rng)
        raw = self.projector.raw()
        self.user_maps = nn.ModuleDict()
        for name, features in raw.items():  # a bias would be centred away
            sizes = features.shape[1], world.dim
            self.user_maps[name] = linear(*sizes, world.rng, world.device, bias=False)
        self.self_attention = EntryAttention(len(raw), self_dropout, world)
        self.cross_attention = EntryAttention(len(raw), cross_dropout, world)
        self.norm = nn.LayerNorm(world.dim, device=world.device)
        self.slope = nn.PReLU(device=world.device)
        self.maps_of_users = LowRankMaps(len(raw) * world.dim, rank, world)
        self.maps_of_items = LowRankMaps(len(raw) * world.dim, rank, world)

    def over_item_graph(self, table: Tensor) -> Tensor | None:
        return propagate(self.item_graph, table)

    def forward(self, fusion: Fusion | None = None, rows: Rows | None = None) -> Representations:
        ids: Tensor = self.item_embeddings
        if fusion is not None and fusion.site != "final":
            ids = fusion.mixed(self.higher_order() if fusion.site == "ego" else ids)
        users, items, _ = self._convolved(ids, rows)
        dim = ids.shape[1]
        user_ids, item_ids = users[:, :dim], items[:, :dim]
        if fusion is not None and fusion.site == "final":
            item_ids = fusion.mixed(item_ids, None if rows is None else rows.items)
        views = Views(users[:, dim:], items[:, dim:])
        return Representations(
            self._joined(self.maps_of_users, user_ids, views.users),
            self._joined(self.maps_of_items, item_ids, views.items),
            views,
        )

    def higher_order(self, items: Tensor | None = None) -> Tensor:
        rows = None if items is None else Rows(items[:0], items)
        dim = self.item_embeddings.shape[1]
        return self._convolved(self.item_embeddings, rows).items[:, :dim]

    def own_loss(self, step: Step) -> Tensor | None:
        dim = self.item_embeddings.shape[1]
        views: Views = step.output.state
        losses = []
        for table, ids in zip(views, (step.index.users, step.index.positives), strict=True):
            pairs = list(combinations(table.split(dim, dim=1), 2))
            if pairs and self.contrast_weight:
                found = [info_nce(a, b, self.temperature, (ids, ids)) for a, b in pairs]
                losses.append(self.contrast_weight * torch.stack(found).mean())
            if pairs and self.orthogonal_weight:
                found = [
                    squared_correlation(F.embedding(ids, a), F.embedding(ids, b)) for a, b in pairs
                ]
                losses.append(self.orthogonal_weight * torch.stack(found).mean())
        return torch.stack(losses).sum() if losses else None

    def _convolved(self, ids: Tensor, rows: Rows | None) -> Representations:
        """Convolved ID embeddings and views, side by side ``[n, (1 + n_modalities) dim]``.

        Args:
            ids: The items' ID embeddings ``[n_items, dim]``.
            rows: Which rows are wanted.
        """
        dim = ids.shape[1]
        items = self.items(torch.cat([ids, self.projector().flatten(start_dim=1)], dim=1))
        item_ids, seen = _settled(items, dim, self._of_items)
        seen = self.slope(self.norm(seen + self.self_attention(seen, seen)))
        n = len(seen)
        others = (seen.sum(dim=0) - seen) / (n - 1) if n > 1 else seen
        seen = self.slope(self.norm(seen + self.cross_attention(others, seen)))
        items = torch.cat([item_ids, *seen], dim=1)
        users = self.users(torch.cat([self.user_embeddings, self._user_features()], dim=1))
        user_ids, wanted = _settled(users, dim, self._of_users)
        users = torch.cat([user_ids, *self.slope(wanted)], dim=1)
        return convolve(self.graph, users, items, self.n_layers, rows)

    def _user_features(self) -> Tensor:
        """Projected means of the histories' features ``[n_users, n_modalities dim]``."""
        raw = self.projector.raw().items()
        projected = [self.user_maps[name](features.float()) for name, features in raw]
        return propagate(self._histories, torch.cat(projected, dim=1)) / self._lengths

    def _joined(self, maps: LowRankMaps, ids: Tensor, views: Tensor) -> Tensor:
        """The representations of nodes ``[n, (n_modalities + 1) dim]``."""
        shared = maps(views.detach(), ids)
        parts = self.slope(torch.cat([views, shared], dim=1))
        return parts + ids.repeat(1, parts.shape[1] // ids.shape[1])


def squared_correlation(first: Tensor, second: Tensor) -> Tensor:
    """Mean squared correlation of any entry of ``first [n, dim]`` with any of ``second``.

    The entries are centred over the rows, and the rows then scaled to the same length.
    """

    def centred(x: Tensor) -> Tensor:
        x = x - x.mean(dim=0)
        return x / (x.detach().norm(dim=1, keepdim=True) + 1e-6)

    n, dim = first.shape
    return (centred(first).T @ centred(second) * (dim / n)).square().mean()


def _settled(x: Tensor, dim: int, shares: Tensor) -> tuple[Tensor, Tensor]:
    """ID embeddings ``[n, dim]`` and views ``[n_modalities, n, dim]`` of ``x``, side by side in it.

    Args:
        x: Rows ``[n, (1 + n_modalities) dim]``.
        dim: Embedding size.
        shares: What each row counts in the views' mean, which is taken from them; they sum to 1.
    """
    ids, views = x[:, :dim], x[:, dim:]
    views = views - shares @ views
    return unit_rows(ids), unit_rows(torch.stack(views.split(dim, dim=1)))


def _together(
    nodes: Tensor, others: Tensor, n_nodes: int, n_others: int, k: int, world: World
) -> LinearOperator:
    """Nodes' means over the ``k`` that have most of the others in common, by softmax of counts."""
    found = CoInteractions(nodes, others, n_nodes, n_others, world.engine, k)
    return found.heaviest(k).into()


def _alike(world: World, weights: dict[str, float], k: int) -> LinearOperator:
    """Users' means over the ``k`` users whose histories are most alike."""
    near = nearest_users(world.dataset, weights, k).to(world.device)
    return ItemGraph({"history": near}, {"history": 1.0}, world.engine)

"""Pruning of the user-item graph: which interactions an epoch trains on, and their weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import torch
from torch import Tensor
from torch.nn import functional as F

from ccd.graphs.user_item import UserItemGraph
from ccd.registry import component
from ccd.settings import Flag, ProperFraction, Slot

Pruning = Annotated[
    Callable[[UserItemGraph, float, Tensor, Tensor, torch.Generator], UserItemGraph],
    Slot("pruning"),
]


@component("pruning")
def degree_pruning(
    graph: UserItemGraph, drop_ratio: float, users: Tensor, items: Tensor, rng: torch.Generator
) -> UserItemGraph:
    """Degree-sensitive pruning: popular nodes lose more of their edges (FREEDOM).

    Args:
        graph: All training interactions.
        drop_ratio: Share of the edges that are dropped.
        users: Representations of the users ``[n_users, dim]``; not looked at.
        items: Those of the items ``[n_items, dim]``; not looked at.
        rng: Stream of the draw.
    """
    if not drop_ratio:
        return graph
    return graph.subgraph(draw_edges(graph, graph.degrees, drop_ratio, rng))


@component("pruning")
def diffusion_guided_pruning(
    graph: UserItemGraph,
    drop_ratio: float,
    users: Tensor,
    items: Tensor,
    rng: torch.Generator,
    *,
    guidance: ProperFraction = 0.3,
    guided_draw: Flag = True,
) -> UserItemGraph:
    """Degree-sensitive pruning in which an edge counts by its ends' similarity (MCDRec's DGD).

    An edge adds ``1 + guidance cos(user, item)`` to the degrees of its ends. The similarity enters
    by the degrees alone: the edge's weight is ``1/sqrt(D'_u D'_i)``, also where no edge is dropped.

    Args:
        graph: All training interactions.
        drop_ratio: Share of the edges that are dropped.
        users: Representations of the users ``[n_users, dim]``.
        items: Those of the items ``[n_items, dim]``: the last diffusion sample.
        rng: Stream of the draw.
        guidance: Weight of the similarity, MCDRec's tau.
        guided_draw: Draw edges by these degrees (the FREEDOM variant) or by plain ones (the BM3
            variant).
    """
    user_rows, item_rows = users.index_select(0, graph.users), items.index_select(0, graph.items)
    shares = 1 + guidance * F.cosine_similarity(user_rows, item_rows)
    degrees = graph.weighted_degrees(shares) if guided_draw else graph.degrees
    kept = draw_edges(graph, degrees, drop_ratio, rng)
    return graph.subgraph(kept, shares[kept])


def draw_edges(
    graph: UserItemGraph, degrees: Tensor, drop_ratio: float, rng: torch.Generator
) -> Tensor:
    """Ids of ``floor(n_edges (1 - drop_ratio))`` edges, ascending.

    They are drawn without replacement with probability proportional to ``1/sqrt(d_u d_i)``.

    Args:
        graph: The graph.
        degrees: Degrees ``d`` of its nodes ``[n_users + n_items]``.
        drop_ratio: Share of the edges that are dropped.
        rng: Stream of the draw.
    """
    keep = int(len(graph.users) * (1 - drop_ratio))
    degrees = degrees.double()
    weight = (degrees[graph.users] * degrees[graph.items + graph.n_users]).rsqrt()
    # The n smallest of Exp(1)/weight are such a draw (exponential races).
    race = torch.empty_like(weight).exponential_(generator=rng).div_(weight)
    return race.topk(keep, largest=False).indices.sort().values


class PrunedGraph:
    """A backbone's user-item graph: pruned anew for each epoch of training, whole at inference.

    Args:
        full: All training interactions.
        pruning: Makes the epoch's graph of them.
        drop_ratio: Share of the edges that are dropped.

    Attributes:
        epoch: The epoch's graph.
    """

    def __init__(self, full: UserItemGraph, pruning: Pruning, drop_ratio: float) -> None:
        self.full, self.pruning, self.drop_ratio = full, pruning, drop_ratio
        self.epoch = full

    def redraw(self, users: Tensor, items: Tensor, rng: torch.Generator) -> None:
        """Draw the epoch's graph.

        Args:
            users: ID embeddings of the users ``[n_users, dim]``.
            items: What the pruning compares them with ``[n_items, dim]``: ID embeddings, or DMA's
                last sample.
            rng: Stream of the draw.
        """
        self.epoch = self.pruning(self.full, self.drop_ratio, users.detach(), items.detach(), rng)

    def at(self, training: bool) -> UserItemGraph:
        """The graph to propagate over."""
        return self.epoch if training else self.full

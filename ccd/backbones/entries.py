"""Attention among the entries of a vector, and maps that each vector has of its own."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ccd.backbones.dropout import SeededDropout
from ccd.backbones.norms import unit_rows
from ccd.backbones.projector import linear
from ccd.backbones.world import World


class EntryAttention(nn.Module):
    """One head of attention in which every entry of a vector is a token of width 1.

    Of such a head's four affine maps of numbers three scalars make a difference where its result is
    added to a vector and normalised over the entries: the products of the query's and the key's
    factor and of the value's and the output's, and what is added to a query.

    Args:
        n_heads: Heads side by side, one for each modality.
        dropout: Share of the values that are dropped. Dropping weights instead would need a draw
            for each pair of entries.
        world: Random stream and device.
    """

    def __init__(self, n_heads: int, dropout: float, world: World) -> None:
        super().__init__()
        drawn = torch.empty(2, n_heads, 1, 1, device=world.device)
        drawn.uniform_(-1, 1, generator=world.rng)
        self.sharpness, self.gain = (nn.Parameter(factor.clone()) for factor in drawn)
        self.shift = nn.Parameter(torch.zeros_like(drawn[0]))
        self.dropout = SeededDropout(dropout, world.rng)

    def forward(self, asking: Tensor, asked: Tensor) -> Tensor:
        """What the entries of ``asking`` get of those of ``asked``.

        Args:
            asking: Vectors ``[n_heads, n, dim]``.
            asked: Vectors ``[n_heads, n, dim]``.
        """
        query = asking * self.sharpness + self.shift
        value = self.dropout(asked) * self.gain
        query, key, value = (x[..., None] for x in (query, asked, value))
        return F.scaled_dot_product_attention(query, key, value, scale=1.0)[..., 0]


class LowRankMaps(nn.Module):
    """A linear map ``[dim] -> [dim]`` of low rank for each row, made of what is known of the row.

    Args:
        width: How many numbers are known of a row.
        rank: Rank of the maps.
        world: Size, random stream and device.
    """

    def __init__(self, width: int, rank: int, world: World) -> None:
        super().__init__()
        self.dim, self.rank = world.dim, rank
        self.first, self.second = (_perceptron(width, world.dim * rank, world) for _ in range(2))

    def forward(self, known: Tensor, x: Tensor) -> Tensor:
        """``x [n, dim]`` under the maps that ``known [n, width]`` makes."""
        first = unit_rows(self.first(known)).unflatten(1, (self.dim, self.rank)).softmax(dim=1)
        second = unit_rows(self.second(known)).unflatten(1, (self.rank, self.dim)).softmax(dim=1)
        return torch.bmm(torch.bmm(x[:, None], first), second)[:, 0]


def _perceptron(width: int, n_out: int, world: World) -> nn.Sequential:
    return nn.Sequential(
        linear(width, n_out, world.rng, world.device),
        nn.PReLU(device=world.device),
        linear(n_out, n_out, world.rng, world.device),
    )

"""Norms of rows: two regularisers, and rows scaled to length 1."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def embedding_norm(*rows: Tensor) -> Tensor:
    """``(sum_k ||X_k||_F) / batch`` of ``X_k [batch, dim]``: the toolbox's regulariser.

    It is a norm and not a squared norm.
    """
    return torch.stack([x.norm() for x in rows]).sum() / len(rows[-1])


def half_squared_norm(*rows: Tensor) -> Tensor:
    """``0.5 (sum_k ||X_k||_F^2) / batch`` of ``X_k [batch, dim]``, as LATTICE and MGCN.

    The toolbox divides by the configured batch size also in an epoch's smaller last batch; here
    every triplet weighs the same.
    """
    return 0.5 * torch.stack([x.square().sum() for x in rows]).sum() / len(rows[-1])


def unit_rows(x: Tensor) -> Tensor:
    """``x [..., dim]`` with rows of length 1; half of F.normalize's cost, forward and backward."""
    return _UnitRows.apply(x)


class _UnitRows(torch.autograd.Function):
    """The gradient is ``g`` without its part along the row, over the row's length."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        scale = x.square().sum(dim=-1, keepdim=True).clamp_(min=1e-24).rsqrt_()
        unit = x * scale
        ctx.save_for_backward(unit, scale)
        return unit

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        unit, scale = ctx.saved_tensors
        along = (grad * unit).sum(dim=-1, keepdim=True)
        return torch.addcmul(grad, unit, along, value=-1).mul_(scale)

"""Linear propagation as one autograd node: the operator's backward is its adjoint.

Graph convolutions without weights are linear in the node table, so nothing is saved for the
backward pass and the layers in between need no autograd nodes of their own.
"""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor


class LinearOperator(Protocol):
    """A linear map of node tables ``[n_nodes, dim] -> [n_nodes, dim]``."""

    def __call__(self, x: Tensor) -> Tensor:
        """The map."""

    def adjoint(self, x: Tensor) -> Tensor:
        """Its transpose."""


class _Propagate(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, operator: LinearOperator, x: Tensor) -> Tensor:
        ctx.operator = operator
        return operator(x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[None, Tensor]:
        return None, ctx.operator.adjoint(grad.contiguous())


def propagate(operator: LinearOperator, x: Tensor) -> Tensor:
    """Apply ``operator`` to ``x [n_nodes, dim]``, differentiable in ``x``."""
    return _Propagate.apply(operator, x)

"""Linear propagation as one autograd node: the operator's backward is its adjoint.

Graph convolutions without weights are linear in the node table, so nothing is saved for the
backward pass and the layers in between need no autograd nodes of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor


class LinearOperator(Protocol):
    """A linear map of one or more tables to one table ``[n_rows, dim]``."""

    @property
    def __call__(self) -> Callable[..., Tensor]:
        """The map, called with the tables."""

    def adjoint(self, grad: Tensor) -> tuple[Tensor, ...]:
        """The transpose applied to ``[n, dim]``: one gradient per table."""


class _Propagate(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, operator: LinearOperator, *tables: Tensor) -> Tensor:
        ctx.operator = operator
        return operator(*tables)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        return None, *ctx.operator.adjoint(grad.contiguous())


def propagate(operator: LinearOperator, *tables: Tensor) -> Tensor:
    """Apply ``operator`` to ``tables``, each ``[n, dim]``, differentiable in each of them."""
    return _Propagate.apply(operator, *tables)

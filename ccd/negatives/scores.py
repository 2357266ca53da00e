"""Scores of each row's own candidates, and ranks among them."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from torch import Tensor


@torch.no_grad()
def pair_scores(queries: Tensor, table: Tensor, ids: Tensor) -> Tensor:
    """Dot products of each query with its own rows of ``table``; ``[batch, n]``, no gradient.

    They are the wanted entries of ``queries @ table.T``. torch computes them alone where they are
    said to be a sparse matrix, and so never gathers ``[batch, n, dim]``: five times as fast.

    Args:
        queries: ``[batch, dim]``.
        table: ``[n_rows, dim]``.
        ids: Rows of ``table`` that each query asks for, int64 ``[batch, n]``.
    """
    if ids.shape[1] > len(table):  # the whole product is less, and torch refuses more entries
        return (queries @ table.T).gather(1, ids)
    starts = torch.arange(0, ids.numel() + 1, ids.shape[1], device=ids.device)
    with warnings.catch_warnings():  # "CSR support is in beta", said since 2021
        warnings.simplefilter("ignore", UserWarning)
        wanted = torch.sparse_csr_tensor(
            starts,
            ids.reshape(-1),
            queries.new_zeros(ids.numel()),
            size=(len(ids), len(table)),
            check_invariants=False,
        )
    return torch.sparse.sampled_addmm(wanted, queries, table.T, beta=0.0).values().view(ids.shape)


def columns_by_rank(scores: Tensor, low: int, high: int) -> Tensor:
    """Columns of the ranks ``low`` to ``high`` in each row; int64 ``[batch, high - low]``.

    Rank 0 is the largest score; the columns are in no particular order.
    """
    if scores.is_cuda:
        return scores.topk(high, dim=1).indices[:, low:]
    # NumPy's vectorised selection takes half the time of topk here, and a third for many ranks.
    values = scores.numpy()
    columns = np.argpartition(values, values.shape[1] - high, axis=1)[:, -high:]
    if low:
        inner = np.argpartition(np.take_along_axis(values, columns, axis=1), high - low, axis=1)
        columns = np.take_along_axis(columns, inner[:, : high - low], axis=1)
    return torch.from_numpy(columns)


def one_of_top(scores: Tensor, k: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """A column drawn among the ``k`` largest scores of each row, and its score; ``[batch, 1]``."""
    draw = torch.randint(k, (len(scores), 1), generator=rng, device=rng.device)
    drawn = _top_values(scores, k).gather(1, draw)
    # The column is looked up by its score: selecting values is twice as fast as selecting
    # columns. Equal scores are those of equal items, of which the first is as good as any.
    return _first_column(scores, drawn), drawn


def smallest_of_top(scores: Tensor, k: int) -> Tensor:
    """The smallest of the ``k`` largest scores of each row ``[batch, 1]``."""
    return _top_values(scores, k).amin(dim=1, keepdim=True)


def _top_values(scores: Tensor, k: int) -> Tensor:
    """The ``k`` largest scores per row, in no particular order; ``[batch, k]``."""
    if scores.is_cuda:
        return scores.topk(k, dim=1, sorted=False).values
    # NumPy's vectorised selection takes a quarter of the time of topk here.
    return torch.from_numpy(np.partition(scores.numpy(), scores.shape[1] - k, axis=1)[:, -k:])


def _first_column(scores: Tensor, values: Tensor) -> Tensor:
    """The first column that holds each row's value ``[batch, 1]``; int64 ``[batch, 1]``."""
    if scores.is_cuda:
        return (scores == values).int().argmax(dim=1, keepdim=True)
    # NumPy's argmax of booleans stops at the first hit.
    return torch.from_numpy((scores.numpy() == values.numpy()).argmax(axis=1)[:, None])

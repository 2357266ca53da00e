"""Message passing, behind two engines that give the same numbers.

An engine turns an edge list into an :class:`Adjacency`, which sums over neighbours and knows its
transpose. ``DglEngine`` is the default on the CPU, where ``copy_u`` + ``sum`` without edge weights
is its fastest form: weights of normalised graphs are row scalings and are applied outside. Only
graphs weighted by similarity need ``weighted_sum``.
``TorchEngine`` serves CUDA, where the PyPI build of DGL has no kernels, and is the tests' oracle.
"""

from __future__ import annotations

import warnings
from functools import cached_property
from importlib.util import find_spec
from typing import Protocol

import torch
from torch import Tensor

from ccd.errors import ResourceError, reason


class Adjacency(Protocol):
    """A 0/1 matrix ``A [n_targets, n_sources]`` with ``A[target, source] = 1`` per edge."""

    def sum_sources(self, x: Tensor) -> Tensor:
        """``A @ x``: each target sums over the sources of its edges; ``[n_targets, dim]``."""

    def sum_targets(self, x: Tensor) -> Tensor:
        """``A.T @ x``: each source sums over the targets of its edges; ``[n_sources, dim]``."""

    def weighted_sum(self, x: Tensor, weights: Tensor) -> Tensor:
        """``A_w @ x`` where edge j has weight ``weights[j]``, ``[n_targets, dim]``.

        Parallel edges add up. Autograd differentiates it in both arguments.

        Args:
            x: Source rows ``[n_sources, dim]``.
            weights: One per edge, in the order of the edge list ``[n_edges]``, or one per edge and
                column ``[n_edges, dim]``.
        """


class Engine(Protocol):
    """Makes adjacencies."""

    name: str

    def adjacency(
        self, source: Tensor, target: Tensor, n_sources: int, n_targets: int
    ) -> Adjacency:
        """Edges ``source[j] -> target[j]``, both int64 ``[n_edges]``."""


class DglAdjacency:
    """Sums over neighbours by DGL's message passing kernel, ``copy_u`` + ``sum``.

    The kernel is called on a bare graph index: on graphs as small as a step's, the checks of
    ``create_block`` and ``update_all`` take longer than the sums that they end in.
    """

    def __init__(self, source: Tensor, target: Tensor, n_sources: int, n_targets: int) -> None:
        from ccd.graphs.dgl_import import gspmm, unit_graph

        self._graph = unit_graph(source, target, n_sources, n_targets)
        self._reverse = self._graph.reverse()
        self._pass = gspmm

    def sum_sources(self, x: Tensor) -> Tensor:
        return self._pass(self._graph, "copy_lhs", "sum", x, None)

    def sum_targets(self, x: Tensor) -> Tensor:
        return self._pass(self._reverse, "copy_lhs", "sum", x, None)

    def weighted_sum(self, x: Tensor, weights: Tensor) -> Tensor:
        return self._pass(self._graph, "mul", "sum", x, _columns(weights))


class TorchAdjacency:
    """Sums over neighbours by products with torch's CSR matrices, weighted ones edge by edge."""

    def __init__(self, source: Tensor, target: Tensor, n_sources: int, n_targets: int) -> None:
        self._source, self._target = source, target
        self._shape = (n_targets, n_sources)
        self._ones = torch.ones(len(source), device=source.device)

    @cached_property
    def _forward(self) -> Tensor:
        return _csr(self._target, self._source, self._ones, self._shape)

    @cached_property
    def _backward(self) -> Tensor:
        return _csr(self._source, self._target, self._ones, self._shape[::-1])

    def sum_sources(self, x: Tensor) -> Tensor:
        return self._forward @ x

    def sum_targets(self, x: Tensor) -> Tensor:
        return self._backward @ x

    def weighted_sum(self, x: Tensor, weights: Tensor) -> Tensor:
        messages = x.index_select(0, self._source) * _columns(weights)
        return x.new_zeros(self._shape[0], x.shape[1]).index_add(0, self._target, messages)


def _columns(weights: Tensor) -> Tensor:
    """Weights as ``[n_edges, 1]`` or ``[n_edges, dim]``."""
    return weights[:, None] if weights.dim() == 1 else weights


def _csr(rows: Tensor, columns: Tensor, values: Tensor, shape: tuple[int, int]) -> Tensor:
    """Torch's CSR matrix of distinct entries, each argument ``[n_entries]``."""
    order = torch.argsort(rows * shape[1] + columns)
    counts = torch.bincount(rows, minlength=shape[0])
    starts = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
    with warnings.catch_warnings():  # "CSR support is in beta", said since 2021
        warnings.simplefilter("ignore", UserWarning)
        return torch.sparse_csr_tensor(
            starts, columns[order], values[order], size=shape, check_invariants=False
        )


class DglEngine:
    """DGL message passing (CPU)."""

    name = "dgl"

    def adjacency(
        self, source: Tensor, target: Tensor, n_sources: int, n_targets: int
    ) -> Adjacency:
        return DglAdjacency(source, target, n_sources, n_targets)


class TorchEngine:
    """Torch sparse matrices (CUDA, and the oracle of the tests)."""

    name = "torch"

    def adjacency(
        self, source: Tensor, target: Tensor, n_sources: int, n_targets: int
    ) -> Adjacency:
        return TorchAdjacency(source, target, n_sources, n_targets)


def choose_engine(device: str, requested: str = "auto") -> Engine:
    """The engine for ``device``: DGL on the CPU where it is installed, else torch, unless asked.

    Raises:
        ResourceError: DGL was asked for on a device it has no kernels for, or does not import.
    """
    if requested == "torch" or (requested == "auto" and (device != "cpu" or not has_dgl())):
        return TorchEngine()
    if device != "cpu":
        raise ResourceError(
            f"Experiment.engine = 'dgl' cannot work on device '{device}', as the released DGL "
            "has CPU kernels only",
            keys=("Experiment.engine", "Experiment.device"),
            hint="set Experiment.engine = 'torch'",
        )
    try:
        import ccd.graphs.dgl_import  # noqa: F401
    except Exception as error:
        raise ResourceError(
            f"importing DGL failed: {type(error).__name__}: {reason(error)}",
            keys=("Experiment.engine",),
            hint="install the version that pyproject.toml names, remove DGL, or set "
            "Experiment.engine = 'torch'",
        ) from error
    return DglEngine()


def has_dgl() -> bool:
    """Whether DGL is installed; it has no wheels for Python 3.13 and for some platforms."""
    return find_spec("dgl") is not None


def describe_choice(device: str) -> str:
    """One line for 'ccd doctor': which engine runs on ``device`` and why."""
    engine = choose_engine(device)
    if engine.name == "dgl":
        return "dgl: the default on the CPU, where its message passing is fastest"
    if device == "cpu":
        return "torch: DGL is not installed, as it has no wheel for this Python or platform"
    return f"torch: the released DGL has no kernels for '{device}'"

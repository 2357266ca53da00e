"""Trained tensors as safetensors: a format that cannot run code when it is loaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors import SafetensorError
from safetensors.torch import load_file, save

from ccd.errors import DamagedFileError, reason
from ccd.files import replacing

if TYPE_CHECKING:
    import torch

_PARTS = ("indices", "values", "shape")
"""What a sparse tensor is kept as, by the end of their names."""


def write_model(
    path: Path, tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str]
) -> None:
    """Write named tensors of any shape, with ``metadata`` in the header, atomically.

    A sparse one is written as ``NAME.indices [2, n]``, ``NAME.values [n]`` and ``NAME.shape [2]``.

    Raises:
        ResourceError: The file cannot be written.
    """
    with replacing(path) as temporary:
        # Not safetensors' save_file: that one makes files which only their owner may read.
        temporary.write_bytes(save(_unshared(tensors), metadata=dict(metadata)))


def read_model(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a file that ``write_model`` wrote.

    Raises:
        DamagedFileError: The file is not there, truncated or something else.
    """
    try:
        return _whole(load_file(path))
    except (SafetensorError, OSError, KeyError, RuntimeError) as error:  # the last two: _whole
        raise DamagedFileError(
            f"this file is not a complete model: {reason(error)}",
            where=path,
            hint="remove its folder and run again",
        ) from error


def _unshared(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tensors on the CPU, each in memory of its own: the format has no views."""
    seen: set[int] = set()
    plain = {}
    for name, tensor in _in_parts(tensors):
        value = tensor.detach().cpu().contiguous()
        memory = value.untyped_storage().data_ptr()
        plain[name] = value.clone() if memory in seen else value
        seen.add(memory)
    return plain


def _in_parts(tensors: Mapping[str, torch.Tensor]) -> Iterator[tuple[str, torch.Tensor]]:
    """The tensors, sparse ones taken apart."""
    import torch

    for name, tensor in tensors.items():
        if tensor.is_sparse:
            parts = tensor.indices(), tensor.values(), torch.tensor(tensor.shape)
            yield from zip((f"{name}.{part}" for part in _PARTS), parts, strict=True)
        else:
            yield name, tensor


def _whole(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tensors, sparse ones put together again."""
    import torch

    found = dict(tensors)
    for key in tensors:
        name, _, part = key.rpartition(".")
        if part == _PARTS[0]:
            indices, values, shape = (found.pop(f"{name}.{one}") for one in _PARTS)
            found[name] = torch.sparse_coo_tensor(
                indices, values, shape.tolist(), is_coalesced=True, check_invariants=True
            )
    return found

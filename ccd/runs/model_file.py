"""Trained tensors as safetensors: a format that cannot run code when it is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors import SafetensorError
from safetensors.torch import load_file, save

from ccd.errors import DamagedFileError, reason
from ccd.files import replacing

if TYPE_CHECKING:
    import torch


def write_model(
    path: Path, tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str]
) -> None:
    """Write named tensors of any shape, with ``metadata`` in the header, atomically.

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
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise DamagedFileError(
            f"this file is not a complete model: {reason(error)}",
            where=path,
            hint="remove its folder and run again",
        ) from error


def _unshared(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tensors on the CPU, each in memory of its own: the format has no views."""
    seen: set[int] = set()
    plain = {}
    for name, tensor in tensors.items():
        value = tensor.detach().cpu().contiguous()
        memory = value.untyped_storage().data_ptr()
        plain[name] = value.clone() if memory in seen else value
        seen.add(memory)
    return plain

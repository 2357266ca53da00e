"""Trained tensors as safetensors: a format that cannot run code when it is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from ccd.errors import DamagedFileError, ResourceError
from ccd.runs.files import replacing

if TYPE_CHECKING:
    import torch


def write_model(
    path: Path, tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str]
) -> None:
    """Write ``tensors`` with ``metadata`` in the header, atomically.

    Raises:
        ResourceError: The file cannot be written.
    """
    with replacing(path) as temporary:
        try:
            save_file(_unshared(tensors), temporary, metadata=dict(metadata))
        except SafetensorError as error:
            raise ResourceError(
                f"cannot write {path}: {error}; free space there or choose another --out"
            ) from error


def read_metadata(path: Path) -> dict[str, str]:
    """The metadata of a model file, without its tensors.

    Raises:
        DamagedFileError: It is not a whole safetensors file.
    """
    try:
        with safe_open(path, framework="pt") as file:
            return dict(file.metadata() or {})
    except SafetensorError as error:
        raise DamagedFileError(
            f"{path} is not a whole safetensors file ({error}); remove it and run again"
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

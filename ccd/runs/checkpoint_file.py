"""A state as one file: safetensors, whose header also holds the plain values and a checksum."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ccd.errors import DamagedFileError, reason
from ccd.files import replacing
from ccd.state import State

_TENSOR, _SPARSE = "\0tensor", "\0sparse"
"""Keys of the objects that stand for a tensor in the plain values."""
_ABOUT, _STATE, _CHECKSUM = "about", "state", "checksum"


def write_state(path: Path, state: State, about: Mapping[str, Any]) -> int:
    """Write a state, atomically: a crash leaves the file that was there before.

    Args:
        path: The file.
        state: Tensors and JSON values; a tensor that stands in several places is written once.
        about: JSON values that ``read_about_state`` gives without reading the tensors.

    Returns:
        Bytes written.

    Raises:
        ResourceError: The file cannot be written.
    """
    tensors: dict[str, Tensor] = {}
    texts = {
        _ABOUT: json.dumps(about),
        _STATE: json.dumps(_taken_out(state, "", tensors, {})),
    }
    data = save(tensors, metadata={**texts, _CHECKSUM: _checksum(texts, tensors)})
    with replacing(path) as temporary:
        temporary.write_bytes(data)
    return len(data)


def read_about_state(path: Path) -> dict[str, Any]:
    """What ``write_state`` was told about the state.

    Raises:
        DamagedFileError: The file is no state's, or cannot be read.
    """
    return _decoded(path, _metadata(path)[_ABOUT])


def read_state(path: Path) -> State:
    """The state in a file; its tensors are on the CPU.

    Raises:
        DamagedFileError: The file is no state's, cannot be read, or is not as it was written.
    """
    texts = _metadata(path)
    try:
        with safe_open(path, framework="pt") as file:
            # Copies: a file's tensors lie in memory as they happen to, and results may depend on
            # how tables are aligned.
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise _damaged(path, reason(error)) from error
    expected = texts.pop(_CHECKSUM, "")
    if _checksum(texts, tensors) != expected:
        raise _damaged(path, "its checksum is another")
    return _put_back(_decoded(path, texts[_STATE]), tensors)


def _metadata(path: Path) -> dict[str, str]:
    try:
        with safe_open(path, framework="pt") as file:
            texts = file.metadata() or {}
    except (SafetensorError, OSError, RuntimeError) as error:
        # The last where another process replaces the file while it is opened.
        raise _damaged(path, reason(error)) from error
    if not {_ABOUT, _STATE, _CHECKSUM} <= texts.keys():
        raise _damaged(path, "it holds something else")
    return texts


def _decoded(path: Path, text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise _damaged(path, reason(error)) from error
    if not isinstance(found, dict):
        raise _damaged(path, "it holds something else")
    return found


def _damaged(path: Path, why: str) -> DamagedFileError:
    return DamagedFileError(
        f"this checkpoint cannot be used: {why}", where=path, hint="remove it and run again"
    )


def _taken_out(value: Any, name: str, tensors: dict[str, Tensor], known: dict[Any, str]) -> Any:
    """``value`` with a name in the place of each tensor, which goes into ``tensors``."""
    if isinstance(value, dict):
        return {key: _taken_out(v, f"{name}/{key}", tensors, known) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        parts = enumerate(value)
        return [_taken_out(v, f"{name}/{number}", tensors, known) for number, v in parts]
    if not isinstance(value, Tensor):
        return value
    if value.is_sparse:
        coo = [value.indices(), value.values(), list(value.shape)]
        return {_SPARSE: _taken_out(coo, name, tensors, known)}
    place = (value.device, value.data_ptr(), value.dtype, value.shape, value.stride())
    if not value.numel() or place not in known:
        # In memory of its own: the format knows no views.
        tensor = value.detach().cpu().contiguous()
        memory = tensor.untyped_storage().data_ptr()
        shared = any(memory == other.untyped_storage().data_ptr() for other in tensors.values())
        tensors[name] = tensor.clone() if shared else tensor
        known[place] = name
    return {_TENSOR: known[place]}


def _put_back(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    if isinstance(value, dict):
        if value.keys() == {_TENSOR}:
            return tensors[value[_TENSOR]]
        if value.keys() == {_SPARSE}:
            coo = _put_back(value[_SPARSE], tensors)
            return torch.sparse_coo_tensor(*coo, is_coalesced=True, check_invariants=True)
        return {key: _put_back(item, tensors) for key, item in value.items()}
    return [_put_back(item, tensors) for item in value] if isinstance(value, list) else value


def _checksum(texts: Mapping[str, str], tensors: Mapping[str, Tensor]) -> str:
    """CRC-32 of everything in the file."""
    found = 0
    for text in (texts[_ABOUT], texts[_STATE]):
        found = zlib.crc32(text.encode(), found)
    for name in sorted(tensors):
        tensor = tensors[name]
        found = zlib.crc32(f"{name} {tensor.dtype} {list(tensor.shape)}".encode(), found)
        if tensor.numel():
            found = zlib.crc32(_bytes(tensor), found)
    return f"{found:08x}"


def _bytes(tensor: Tensor) -> memoryview:
    return tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data

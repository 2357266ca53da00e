"""Trained tensors as safetensors: a format that cannot run code when it is loaded."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from ccd.errors import DamagedFileError, reason
from ccd.files import replacing

if TYPE_CHECKING:
    import torch

IDENTITY = ("variant", "seed", "dataset_fingerprint", "config_hash")
"""What a model's header must agree in with the ``run.json`` beside it."""

_TYPES = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16",
          "I64": "int64", "I32": "int32", "U8": "uint8", "BOOL": "bool"}  # fmt: skip
"""Torch's names of the format's types."""

_HINT = "copy it from where the run was made, or remove it and run again"

_PARTS = ("indices", "values", "shape")
"""What a sparse tensor is kept as, by the end of their names."""


def write_model(
    path: Path, tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str]
) -> None:
    """Write named tensors of any shape, with ``metadata`` in the header, atomically.

    A sparse one is written as ``NAME.indices [2, n]``, ``NAME.values [n]`` and ``NAME.shape [2]``.
    Equal tensors and metadata make equal files.

    Raises:
        ResourceError: The file cannot be written.
    """
    data = save(_unshared(tensors), metadata=dict(metadata))
    header, values = _ordered(data)
    with replacing(path) as temporary, temporary.open("wb") as file:
        # Not safetensors' save_file: that one makes files which only their owner may read.
        file.write(header)
        file.write(values)


def read_model(
    path: Path,
    metadata: Mapping[str, str],
    shapes: Mapping[str, str],
    only: Sequence[str] | None = None,
) -> dict[str, torch.Tensor]:
    """The tensors of a file that ``write_model`` wrote.

    Args:
        path: The file.
        metadata: What its header must say.
        shapes: Name of each tensor to its type and shape, as ``shapes_of`` gives them; empty
            where they are not known.
        only: Names of the tensors to read; None for all.

    Raises:
        DamagedFileError: The file is not there, truncated, something else, the model of another
            run, or holds numbers that are not finite.
    """
    try:
        with safe_open(path, framework="pt") as file:
            found = file.metadata() or {}
            names = [name for name in file.keys() if _asked(name, only)]  # noqa: SIM118
            tensors = {name: file.get_tensor(name) for name in names}
            own = {name: _shape(file.get_slice(name)) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise DamagedFileError(
            f"this file is not a complete model: {reason(error)}", where=path, hint=_HINT
        ) from error
    differing = [name for name in metadata if found.get(name) != metadata[name]]
    if differing:
        raise DamagedFileError(
            f"this is the model of another run: '{differing[0]}' must be {metadata[differing[0]]}",
            where=path,
            found=found.get(differing[0], "none"),
            hint=_HINT,
        )
    for name in dict.fromkeys((*shapes, *own)) if shapes else ():
        if shapes.get(name) != own.get(name):
            raise DamagedFileError(
                f"in this model '{name}' must be {shapes.get(name, 'absent')}",
                where=path,
                found=own.get(name, "none"),
                hint=_HINT,
            )
    for name, tensor in tensors.items():
        if not bool(tensor.isfinite().all()):
            what = f"in this model '{name}' holds values that are not finite"
            raise DamagedFileError(what, where=path, hint=_HINT)
    try:
        return _whole(tensors)
    except (KeyError, RuntimeError) as error:
        raise DamagedFileError(
            f"a sparse tensor in this model is damaged: {reason(error)}", where=path, hint=_HINT
        ) from error


def _shape(part: Any) -> str:
    """Type and shape of a tensor in a file, as ``shapes_of`` words them; its numbers stay there."""
    code = part.get_dtype()
    return f"{_TYPES.get(code, code)} {list(part.get_shape())}"


def _asked(name: str, only: Sequence[str] | None) -> bool:
    """Whether a tensor, or a sparse one's part, is among those asked for."""
    return only is None or name in only or name.rpartition(".")[0] in only


def shapes_of(tensors: Mapping[str, torch.Tensor]) -> dict[str, str]:
    """The type and shape of each tensor, such as ``float32 [60, 64]``; of a sparse one's parts."""
    return {
        name: f"{str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}"
        for name, tensor in _in_parts(tensors)
    }


def _ordered(data: bytes) -> tuple[bytes, memoryview]:
    """A safetensors file as header and values, the metadata in the header sorted by name.

    The library writes them in an order that differs from process to process.
    """
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:end])
    if "__metadata__" in header:
        header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text, memoryview(data)[end:]


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

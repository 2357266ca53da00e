import os

import pytest
import torch
from safetensors.torch import load_file

from ccd.errors import DamagedFileError, ResourceError
from ccd.runs.model_file import read_metadata, write_model


def test_tensors_and_metadata_come_back(tmp_path):
    table = torch.randn(4, 3)
    tensors = {"items": table, "tied": table, "view": table.T, "half": table[:2]}
    write_model(tmp_path / "m", tensors, {"variant": "FREEDOM"})
    loaded = load_file(tmp_path / "m")
    assert all(torch.equal(loaded[name], tensor) for name, tensor in tensors.items())
    assert read_metadata(tmp_path / "m") == {"variant": "FREEDOM"}


def test_unwritable_place_is_refused_and_leaves_nothing(tmp_path):
    with pytest.raises(ResourceError, match="model"):
        write_model(tmp_path / "no" / "model", {"x": torch.zeros(1)}, {})
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("content", [b"", b"\x80\x04pickle", b"\x10\0\0\0\0\0\0\0{}"])
def test_damaged_or_foreign_model_is_refused(tmp_path, content):
    (tmp_path / "m").write_bytes(content)
    with pytest.raises(DamagedFileError, match="safetensors"):
        read_metadata(tmp_path / "m")

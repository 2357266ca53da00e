import os

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from ccd.errors import ResourceError
from ccd.runs.model_file import read_model, shapes_of, write_model


def test_tensors_and_metadata_come_back(tmp_path):
    table = torch.randn(4, 3)
    tensors = {"items": table, "tied": table, "view": table.T, "half": table[:2]}
    write_model(tmp_path / "m", tensors, {"variant": "FREEDOM"})
    loaded = load_file(tmp_path / "m")
    assert all(torch.equal(loaded[name], tensor) for name, tensor in tensors.items())
    with safe_open(tmp_path / "m", framework="pt") as file:
        assert file.metadata() == {"variant": "FREEDOM"}


def test_sparse_tables_come_back_sparse_beside_dense_ones(tmp_path):
    table = torch.tensor([[0.0, 2.0], [3.0, 0.0], [0.0, 0.0]])
    write_model(tmp_path / "m", {"items": table.to_sparse().coalesce(), "w.x": table}, {})
    assert set(load_file(tmp_path / "m")) == {"items.indices", "items.values", "items.shape", "w.x"}
    loaded = read_model(tmp_path / "m", {}, {})
    assert set(loaded) == {"items", "w.x"}
    assert loaded["items"].is_sparse
    assert torch.equal(loaded["items"].to_dense(), table)


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600)])
def test_file_has_the_mode_that_the_user_chose(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        write_model(tmp_path / "m", {"x": torch.zeros(1)}, {})
    finally:
        os.umask(before)
    assert (tmp_path / "m").stat().st_mode & 0o777 == mode


def test_unwritable_place_is_refused_and_leaves_nothing(tmp_path):
    with pytest.raises(ResourceError, match="model"):
        write_model(tmp_path / "no" / "model", {"x": torch.zeros(1)}, {})
    assert os.listdir(tmp_path) == []


def test_equal_models_are_equal_files(tmp_path):
    tensors = {"b": torch.ones(2, 3), "a": torch.zeros(1)}
    names = [f"key{i}" for i in range(20)]
    made = set()
    for order in (names, names[::-1]):
        for _ in range(5):
            write_model(tmp_path / "m", tensors, {name: name for name in order})
            made.add((tmp_path / "m").read_bytes())
    assert len(made) == 1
    assert read_model(tmp_path / "m", {"key3": "key3"}, shapes_of(tensors)).keys() == tensors.keys()
    with safe_open(tmp_path / "m", framework="pt") as file:
        assert list(file.metadata().values()) == list(file.metadata())

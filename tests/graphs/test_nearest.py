import numpy as np
import pytest
import torch
from torch.nn import functional as F

from ccd.datasets.dataset import Dataset, Interactions, Neighbours
from ccd.graphs import nearest
from ccd.graphs.nearest import nearest_by_modality, nearest_items

N_ITEMS = 50
CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CCD_CACHE", str(tmp_path))


def unit_rows(dim=6, seed=0):
    return F.normalize(torch.randn(N_ITEMS, dim, generator=torch.Generator().manual_seed(seed)))


def dataset(features, neighbours=None):
    pairs = Interactions(np.arange(3), np.arange(3))
    return Dataset("small", 3, N_ITEMS, pairs, pairs, pairs, features, neighbours or {})


def test_equals_the_dense_search_and_includes_self(monkeypatch):
    monkeypatch.setattr(nearest, "_BLOCK_CELLS", 7 * N_ITEMS)  # several blocks
    unit = unit_rows()
    expected = (unit @ unit.T).topk(5, dim=1)
    ids, cosines = nearest_items(unit, 5)
    assert torch.equal(ids.sort().values, expected.indices.sort().values)
    torch.testing.assert_close(cosines, expected.values)
    assert torch.equal(ids[:, 0], torch.arange(N_ITEMS))


def test_a_zero_row_is_nobodys_neighbour():
    unit = unit_rows()
    unit[7] = 0
    ids, cosines = nearest_items(unit, 5)
    assert ids[7].tolist() == [7, -1, -1, -1, -1]
    assert cosines[7].tolist() == [1, 0, 0, 0, 0]
    others = ids[torch.arange(N_ITEMS) != 7]
    assert not (others == 7).any()
    assert (others >= 0).all()


def test_lists_are_padded_where_too_few_items_have_the_modality():
    unit = unit_rows()
    unit[3:] = 0
    ids, cosines = nearest_items(unit, 5)
    assert (ids[:3, :3].sort().values == torch.arange(3)).all()
    assert (ids[:3, 3:] == -1).all()
    assert (cosines[:3, 3:] == 0).all()


def test_no_gradient_is_recorded():
    assert not nearest_items(unit_rows().requires_grad_(), 5).cosines.requires_grad


def test_features_need_not_have_length_one_and_are_searched_once(monkeypatch):
    features = unit_rows().numpy() * 3
    expected = nearest_items(unit_rows(), 5)
    found = nearest_by_modality(dataset({"image": features}), CPU, 5, setting="K.k")["image"]
    torch.testing.assert_close(found, expected)
    monkeypatch.setattr(nearest, "nearest_items", None)
    again = nearest_by_modality(dataset({"image": features}), CPU, 5, setting="K.k")["image"]
    torch.testing.assert_close(again, found)


def test_precomputed_lists_bring_their_cosines():
    ids = np.tile(np.arange(4, dtype=np.int32), (N_ITEMS, 1))
    known = {"image": Neighbours(ids, np.full((N_ITEMS, 4), 0.25, np.float32))}
    data = dataset({"image": unit_rows().numpy()}, known)
    found = nearest_by_modality(data, CPU, 3, setting="K.k")["image"]
    assert (found.ids == torch.arange(3)).all()
    assert (found.cosines == 0.25).all()

"""DRAGON against a dense restatement of its equations."""

import pytest
import torch

from ccd.backbones.dragon import DRAGON
from tests.backbones.restatements import knn_matrix
from tests.backbones.test_dualgnn import assert_same, dense_modalities, triplets, user_matrix
from tests.backbones.worlds import DIM, N_ITEMS, N_USERS, dataset, small_knn, world


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CCD_CACHE", str(tmp_path))


def test_loss_and_gradient_equal_the_dense_restatement():
    data = dataset()
    model = DRAGON(world(data), item_graph=small_knn, reg_weight=0.3, n_neighbours=20)
    model.start_epoch(torch.Generator().manual_seed(5))
    image, text = dense_modalities(model, data)
    w = model.mixture
    joined = torch.cat([w[:, :1] * image[:N_USERS], w[:, 1:] * text[:N_USERS]], 1)
    items = torch.cat([image, text], 1)[N_USERS:]
    s = 0.1 * knn_matrix(data.features["image"], 4) + 0.9 * knn_matrix(data.features["text"], 4)
    assert_same(model, joined + user_matrix(model) @ joined, items + s @ items, triplets(), 0.3)


def test_modalities_stand_side_by_side():
    users, items, _ = DRAGON(world(), item_graph=small_knn)()
    assert users.shape == (N_USERS, 2 * DIM)
    assert items.shape == (N_ITEMS, 2 * DIM)


def test_dma_is_refused_with_the_reason():
    assert "has no item ID embeddings" in DRAGON.misfit(fusion=True)

"""FREEDOM against a dense restatement of its equations."""

import pytest
import torch

from ccd.backbones.base import Batch
from ccd.backbones.freedom import FREEDOM
from ccd.graphs.pruning import degree_pruning
from ccd.losses.bpr import bpr_loss
from tests.backbones.restatements import knn_matrix, normalised
from tests.backbones.worlds import N_ITEMS, N_USERS, dataset, small_knn, step, world


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CCD_CACHE", str(tmp_path))


def dense_loss(model, users, items, batch):
    """The paper's forward pass and loss with dense matrices."""
    data = dataset()
    s = 0.1 * knn_matrix(data.features["image"], 4) + 0.9 * knn_matrix(data.features["text"], 4)
    e_u, e_i = model.user_embeddings, model.item_embeddings
    a = normalised(users, items)
    x = torch.cat([e_u, e_i])
    table = (x + a @ x + a @ a @ x) / 3
    h_u, h_i = table[:N_USERS], table[N_USERS:] + s @ e_i
    scores = (h_u[batch.users] * (h_i[batch.positives] - h_i[batch.negatives])).sum(1)
    loss = -torch.log(torch.sigmoid(scores)).mean()
    for name, feature in data.features.items():
        f = model.projector.maps[name](torch.from_numpy(feature))
        margin = (h_u[batch.users] * (f[batch.positives] - f[batch.negatives])).sum(1)
        loss = loss - 0.3 * torch.log(torch.sigmoid(margin)).mean()
    return loss


def model_loss(model, batch):
    h_u, h_i, _ = output = model()
    loss = bpr_loss(h_u[batch.users], h_i[batch.positives], h_i[batch.negatives])
    return loss + model.own_loss(step(model, batch, output))


@pytest.mark.parametrize("training", [True, False])
def test_loss_and_gradient_equal_the_dense_restatement(training):
    data = dataset()
    built = FREEDOM(
        world(data), item_graph=small_knn, pruning=degree_pruning, reg_weight=0.3, edge_dropout=0.5
    )
    built.train(training)
    built.start_epoch(torch.Generator().manual_seed(3))
    graph = built.graph.epoch if training else built.graph.full
    rng = torch.Generator().manual_seed(2)
    batch = Batch(
        torch.randint(N_USERS, (40,), generator=rng),
        torch.randint(N_ITEMS, (40,), generator=rng),
        torch.randint(N_ITEMS, (40,), generator=rng),
    )
    parameters = list(built.parameters())
    ours = model_loss(built, batch)
    theirs = dense_loss(built, graph.users, graph.items, batch)
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)
    for got, expected in zip(
        torch.autograd.grad(ours, parameters), torch.autograd.grad(theirs, parameters), strict=True
    ):
        torch.testing.assert_close(got, expected, atol=1e-5, rtol=0)


def test_inference_uses_the_full_graph():
    built = FREEDOM(world(), item_graph=small_knn, pruning=degree_pruning, edge_dropout=0.8)
    built.start_epoch(torch.Generator().manual_seed(3))
    assert len(built.graph.epoch.users) == int(160 * (1 - 0.8))
    pruned = built.train()()
    full = built.eval()()
    assert not torch.allclose(pruned.users, full.users)


def test_no_pruning_keeps_the_full_graph():
    built = FREEDOM(world(), item_graph=small_knn, pruning=degree_pruning, edge_dropout=0.0)
    built.start_epoch(torch.Generator().manual_seed(3))
    assert built.graph.epoch is built.graph.full

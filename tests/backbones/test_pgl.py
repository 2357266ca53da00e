"""PGL against a dense restatement of its equations."""

import pytest
import torch

from ccd.backbones.base import Batch
from ccd.backbones.pgl import PGL
from ccd.graphs.pruning import degree_pruning
from tests.backbones.restatements import (
    assert_same_loss_and_gradients,
    dense_info_nce,
    knn_matrix,
    loss_in_all,
    loss_in_rows,
    normalised,
)
from tests.backbones.worlds import DIM, N_ITEMS, N_USERS, dataset, small_knn, step, world

CONTRAST, TEMPERATURE = 0.3, 0.2


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CCD_CACHE", str(tmp_path))


def build(**settings):
    settings = {"edge_dropout": 0.7, "contrast_weight": CONTRAST, "dropout": 0.0} | settings
    built = PGL(world(), item_graph=small_knn, pruning=degree_pruning, **settings)
    built.start_epoch(torch.Generator().manual_seed(3))
    return built


def batch():
    rng = torch.Generator().manual_seed(2)
    return Batch(*(torch.randint(n, (40,), generator=rng) for n in (N_USERS, N_ITEMS, N_ITEMS)))


def dense(model, users, items):
    """All representations over a user-item graph with these edges, with dense matrices."""
    parts = []
    for name, raw in dataset().features.items():
        projection = model.projector.maps[name]
        f = torch.from_numpy(raw) @ projection.weight.T + projection.bias
        parts.append(f / f.norm(dim=1, keepdim=True))
    ego = torch.cat(parts, dim=1)
    features = dataset().features
    s = 0.1 * knn_matrix(features["image"], 4) + 0.9 * knn_matrix(features["text"], 4)
    a = normalised(users, items)
    x = torch.cat([model.user_embeddings, ego])
    table = (x + a @ x + a @ a @ x) / 3
    return table[:N_USERS], table[N_USERS:] + s @ ego


def dense_loss(model, batch, graph):
    h_u, h_i = dense(model, graph.users, graph.items)
    u, p, n = h_u[batch.users], h_i[batch.positives], h_i[batch.negatives]
    loss = -torch.log(torch.sigmoid((u * (p - n)).sum(1))).mean()
    # Without dropout the two views are alike.
    return loss + CONTRAST / 2 * (
        dense_info_nce(u, u, TEMPERATURE) + dense_info_nce(p, p, TEMPERATURE)
    )


@pytest.mark.parametrize("loss", [loss_in_all, loss_in_rows])
@pytest.mark.parametrize("training", [True, False])
def test_loss_and_gradient_equal_the_dense_restatement(loss, training):
    model = build().train(training)
    graph = model.graph.epoch if training else model.graph.full
    assert len(graph.users) == (int(160 * 0.3) if training else 160)
    ours, theirs = loss(model, batch()), dense_loss(model, batch(), graph)
    assert_same_loss_and_gradients(ours, theirs, list(model.parameters()))


def test_the_two_views_are_dropped_out_differently_and_in_training_alone():
    views = []
    for training in (True, False):
        model = build(dropout=0.5).train(training)
        views.append(model.own_loss(step(model, batch())).item())
        plain = build(dropout=0.0).train(training)
        alike = plain.own_loss(step(plain, batch())).item()
        assert (views[-1] > 1.05 * alike) == training
    assert views[0] != views[1]


def test_representations_hold_every_modality_and_items_have_no_ids():
    model = build()
    assert model.user_embeddings.shape == (N_USERS, 2 * DIM)
    bounds = (6.0 / (N_USERS + DIM)) ** 0.5
    assert 0.9 * bounds < model.user_embeddings.abs().max() <= bounds
    names = {name.partition(".")[0] for name, _ in model.named_parameters()}
    assert names == {"user_embeddings", "projector"}


def test_without_a_weight_there_is_no_contrast():
    model = build(contrast_weight=0.0)
    assert model.own_loss(step(model, batch())) is None

"""GUME against a dense restatement of its equations."""

import pytest
import torch
from torch.nn import functional as F

from ccd.backbones.base import Batch
from ccd.backbones.gume import GUME, common_edges
from ccd.graphs.weighted import Edges
from tests.backbones.restatements import (
    assert_same_loss_and_gradients,
    dense_info_nce,
    loss_in_all,
    loss_in_rows,
    weighted_knn_matrix,
)
from tests.backbones.worlds import N_ITEMS, N_USERS, dataset, step, world

K = 8
WEIGHTS = {
    "reg_weight": 0.05,
    "contrast_weight": 0.3,
    "alignment_weight": 0.7,
    "user_weight": 0.4,
    "extended_reg_weight": 0.2,
}
TEMPERATURE, USER_TEMPERATURE = 0.2, 0.5


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CCD_CACHE", str(tmp_path))


def build(**settings):
    given = WEIGHTS | {"noise": 0.0, "user_temperature": USER_TEMPERATURE} | settings
    model = GUME(world(trainable=True), k=K, **given)
    with torch.no_grad():  # so that no gradient is too small to compare
        for parameter in (model.item_embeddings, model.query.weight):
            parameter *= 5
    return model


def batch():
    rng = torch.Generator().manual_seed(2)
    return Batch(*(torch.randint(n, (40,), generator=rng) for n in (N_USERS, N_ITEMS, N_ITEMS)))


def nearest(features):
    """0/1 matrix of each item's nearest in its row."""
    unit = F.normalize(torch.from_numpy(features))
    cosine = unit @ unit.T
    return torch.zeros_like(cosine).scatter(1, cosine.topk(K, dim=1).indices, 1.0), cosine


def adjacency_with_items():
    data = dataset()
    image, text = (nearest(features)[0] for features in data.features.values())
    common = (image * text).fill_diagonal_(0)
    assert common.sum() > 10
    assert not torch.equal(common, common.T)
    adjacency = torch.zeros(N_USERS + N_ITEMS, N_USERS + N_ITEMS)
    adjacency[data.train.users, data.train.items + N_USERS] = 1
    adjacency = adjacency + adjacency.T
    adjacency[N_USERS:, N_USERS:] = common
    degree = adjacency.sum(1)
    scale = torch.where(degree > 0, (degree + 1e-7).rsqrt(), 0.0)
    return scale[:, None] * adjacency * scale


def convolved(a, users, items):
    x = torch.cat([users, items])
    return (x + a @ x + a @ a @ x) / 3


def half_squared(x):
    return 0.5 * x.square().sum() / len(x)


def dense_loss(model, batch):
    a = adjacency_with_items()
    e_i = model.item_embeddings
    behaviour = convolved(a, model.user_embeddings, e_i)
    views, extended = {}, []
    for name, features in dataset().features.items():
        f = model.projector.maps[name](model.projector.tables[name])
        items = weighted_knn_matrix(features, K) @ (e_i * torch.sigmoid(model.gates[name](f)))
        views[name] = torch.cat([a[:N_USERS, N_USERS:] @ items, items])
        extended.append(convolved(a, model.extended_users, items))  # a table for each modality
    extended = sum(extended) / 2
    scores = [model.query(torch.tanh(model.key(q))) for q in views.values()]
    attention = torch.softmax(torch.stack(scores), dim=0)
    common = sum(w * q for w, q in zip(attention, views.values(), strict=True))
    side = common
    for name, q in views.items():
        side = side + torch.sigmoid(model.preferences[name](behaviour)) * (q - common)
    side = side / 3
    h = behaviour + side
    users, positives, negatives = batch.users, batch.positives + N_USERS, batch.negatives + N_USERS
    u, p, n = h[users], h[positives], h[negatives]
    loss = -torch.log(torch.sigmoid((u * (p - n)).sum(1))).mean()
    loss = loss + WEIGHTS["reg_weight"] * (half_squared(u) + half_squared(p) + half_squared(n))
    loss = loss + WEIGHTS["contrast_weight"] * sum(
        dense_info_nce(side[rows], behaviour[rows], TEMPERATURE) for rows in (users, positives)
    )
    image, text = (q[torch.cat([users, positives])] for q in views.values())
    gap = (image.mean() - text.mean()).abs() + (image.var() - text.var()).abs()
    loss = loss + WEIGHTS["alignment_weight"] * gap
    pairs = [(extended, side), (side, side), (extended, extended)]
    loss = loss + WEIGHTS["user_weight"] * sum(
        dense_info_nce(x[users], y[users], USER_TEMPERATURE) for x, y in pairs
    )
    return loss + WEIGHTS["extended_reg_weight"] * half_squared(extended[positives])


@pytest.mark.parametrize("loss", [loss_in_all, loss_in_rows])
def test_loss_and_gradient_equal_the_dense_restatement(loss):
    model = build()
    ours, theirs = loss(model, batch()), dense_loss(model, batch())
    assert_same_loss_and_gradients(ours, theirs, list(model.parameters()))


def test_noise_has_its_length_and_the_sign_of_what_it_is_added_to():
    model = build(noise=0.1)
    x = torch.randn(7, 8, generator=torch.Generator().manual_seed(0))
    first, second = model._noisy(x) - x, model._noisy(x) - x
    torch.testing.assert_close(first.norm(dim=1), torch.full((7,), 0.1))
    assert torch.equal(first.sign(), x.sign())
    assert not torch.allclose(first, second)


def test_common_edges_are_in_all_graphs_and_are_no_loops():
    graphs = [
        Edges(torch.tensor(source), torch.tensor(target), torch.ones(len(source)))
        for source, target in (([0, 1, 2, 2], [0, 0, 1, 0]), ([2, 0, 0, 2], [0, 0, 1, 1]))
    ]
    source, target = common_edges(graphs, 3)
    assert sorted(zip(source.tolist(), target.tolist(), strict=True)) == [(2, 0), (2, 1)]


def test_nothing_is_left_of_the_own_loss_without_weights():
    model = build(**dict.fromkeys(WEIGHTS, 0.0))
    assert model.own_loss(step(model, batch())) is None

"""MGCN against a dense restatement of its equations."""

import pytest
import torch

from ccd.backbones.base import Batch
from ccd.backbones.mgcn import MGCN
from ccd.diffusion.fusion import ego_fusion, ego_id_fusion, final_fusion
from tests.backbones.restatements import (
    assert_same_loss_and_gradients,
    dense_info_nce,
    loss_in_all,
    loss_in_rows,
    weighted_knn_matrix,
)
from tests.backbones.worlds import DIM, N_ITEMS, N_USERS, dataset, step, world

K, REG, CONTRAST = 4, 0.05, 0.3


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CCD_CACHE", str(tmp_path))


def build():
    model = MGCN(world(trainable=True), k=K, reg_weight=REG, contrast_weight=CONTRAST)
    with torch.no_grad():  # so that no gradient is too small to compare
        for parameter in (model.item_embeddings, model.query.weight):
            parameter *= 5
    return model


def batch():
    rng = torch.Generator().manual_seed(2)
    return Batch(*(torch.randint(n, (40,), generator=rng) for n in (N_USERS, N_ITEMS, N_ITEMS)))


def symmetric_adjacency():
    data = dataset()
    adjacency = torch.zeros(N_USERS + N_ITEMS, N_USERS + N_ITEMS)
    adjacency[data.train.users, data.train.items + N_USERS] = 1
    adjacency = adjacency + adjacency.T
    degree = adjacency.sum(1)
    scale = torch.where(degree > 0, (degree + 1e-7).rsqrt(), 0.0)
    return scale[:, None] * adjacency * scale


def dense_terms(model):
    """Behaviour view and side term, both ``[n_users + n_items, dim]``."""
    a = symmetric_adjacency()
    e_i = model.item_embeddings
    x = torch.cat([model.user_embeddings, e_i])
    behaviour = (x + a @ x + a @ a @ x) / 3
    views = {}
    for name, features in dataset().features.items():
        f = model.projector.maps[name](model.projector.tables[name])
        gate = model.gates[name]
        q_items = weighted_knn_matrix(features, K) @ (
            e_i * torch.sigmoid(f @ gate.weight.T + gate.bias)
        )
        views[name] = torch.cat([a[:N_USERS, N_USERS:] @ q_items, q_items])
    scores = [
        torch.tanh(q @ model.key.weight.T + model.key.bias) @ model.query.weight[0]
        for q in views.values()
    ]
    attention = torch.softmax(torch.stack(scores), dim=0)
    common = sum(w[:, None] * q for w, q in zip(attention, views.values(), strict=True))
    side = common
    for name, q in views.items():
        preference = model.preferences[name]
        wanted = torch.sigmoid(behaviour @ preference.weight.T + preference.bias)
        side = side + wanted * (q - common)
    return behaviour, side / 3


def dense_loss(model, batch):
    behaviour, side = dense_terms(model)
    h = behaviour + side
    users, positives = batch.users, batch.positives + N_USERS
    u, p, n = h[users], h[positives], h[batch.negatives + N_USERS]
    loss = -torch.log(torch.sigmoid((u * (p - n)).sum(1))).mean()
    loss = loss + REG * 0.5 * (u.norm() ** 2 + p.norm() ** 2 + n.norm() ** 2) / len(u)
    contrast = [dense_info_nce(side[rows], behaviour[rows], 0.2) for rows in (positives, users)]
    return loss + CONTRAST * sum(contrast)


@pytest.mark.parametrize("loss", [loss_in_all, loss_in_rows])
def test_loss_and_gradient_equal_the_dense_restatement(loss):
    model = build()
    ours, theirs = loss(model, batch()), dense_loss(model, batch())
    assert_same_loss_and_gradients(ours, theirs, list(model.parameters()))


def test_the_higher_order_representation_is_the_items_side_term():
    model = build().eval()
    _, side = dense_terms(model)
    torch.testing.assert_close(model.higher_order(), side[N_USERS:], atol=1e-6, rtol=1e-5)


def test_final_fusion_changes_the_side_of_the_fused_items_alone():
    model = build().eval()
    items, denoised = torch.tensor([2, 5]), torch.ones(2, DIM)
    plain = model()
    fused = model(final_fusion(items, denoised, 0.5))
    torch.testing.assert_close(fused.users, plain.users)
    moved = ((fused.items - plain.items).abs() > 1e-6).any(1).nonzero()[:, 0]
    assert moved.tolist() == items.tolist()
    expected = plain.items[items] + 0.5 * (denoised - model.higher_order()[items])
    torch.testing.assert_close(fused.items[items], expected)


@pytest.mark.parametrize("fusion", [ego_fusion, ego_id_fusion])
def test_fusions_of_what_propagates_reach_the_users(fusion):
    model = build().eval()
    items, denoised = torch.tensor([2, 5]), torch.ones(2, DIM, requires_grad=True)
    fused = fusion(items, denoised, 0.5)
    output, layers = model.layered(fused)
    torch.testing.assert_close(torch.cat(output[:2]), torch.cat(model(fused)[:2]))
    torch.testing.assert_close(torch.cat(output[:2]), layers.mean(0))
    assert not torch.allclose(output.users, model().users)
    output.users.sum().backward()
    assert denoised.grad.abs().max() > 0


def test_nothing_is_left_of_the_own_loss_without_weights():
    model = MGCN(world(), k=K, reg_weight=0.0, contrast_weight=0.0)
    assert model.own_loss(step(model, batch())) is None

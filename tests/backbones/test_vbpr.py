"""VBPR against a dense restatement of its equations."""

from dataclasses import replace

import pytest
import torch

from ccd.backbones.base import Batch
from ccd.backbones.vbpr import VBPR
from ccd.errors import ConfigError
from ccd.losses.bpr import bpr_loss
from tests.backbones.worlds import DIM, N_ITEMS, N_USERS, dataset, step, world


def batch(n=40):
    rng = torch.Generator().manual_seed(2)
    return Batch(*(torch.randint(n_ids, (n,), generator=rng) for n_ids in (N_USERS, N_ITEMS, 20)))


def dense_loss(model, ids):
    """``q_i = [e_i ; W x_i]``, BPR and the norms of the batch's rows."""
    x = torch.cat([torch.from_numpy(f) for f in dataset().features.values()], dim=1)
    maps = [model.projector.maps[name] for name in dataset().features]
    w = torch.cat([m.weight for m in maps], dim=1)
    q = torch.cat([model.item_embeddings, x @ w.T + sum(m.bias for m in maps)], dim=1)
    p_u, q_p, q_n = model.user_embeddings[ids.users], q[ids.positives], q[ids.negatives]
    bpr = -torch.log(torch.sigmoid((p_u * q_p).sum(1) - (p_u * q_n).sum(1))).mean()
    norms = sum(rows.square().sum().sqrt() for rows in (p_u, q_p, q_n))
    return bpr + 0.3 * norms / len(ids.users)


def test_loss_and_gradient_equal_the_dense_restatement():
    model, ids = VBPR(world(), reg_weight=0.3), batch()
    seen = step(model, ids)
    ours = bpr_loss(seen.users, seen.positives, seen.negatives) + model.own_loss(seen)
    theirs = dense_loss(model, ids)
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)
    parameters = list(model.parameters())
    for got, expected in zip(
        torch.autograd.grad(ours, parameters), torch.autograd.grad(theirs, parameters), strict=True
    ):
        torch.testing.assert_close(got, expected, atol=1e-5, rtol=0)


def test_users_are_as_wide_as_items_by_id_and_by_content():
    users, items, _ = VBPR(world())()
    assert users.shape == (N_USERS, 2 * DIM)
    assert items.shape == (N_ITEMS, 2 * DIM)


def test_the_maps_start_as_one_without_bias():
    data = dataset()
    model = VBPR(world(data))
    maps = [model.projector.maps[name] for name in data.features]
    assert not any(m.bias.any() for m in maps)
    weights = torch.cat([m.weight.flatten() for m in maps])
    std = (2 / (sum(x.shape[1] for x in data.features.values()) + DIM)) ** 0.5
    assert weights.std().item() == pytest.approx(std, rel=0.15)


def test_without_weight_there_is_no_own_loss():
    model = VBPR(world(), reg_weight=0.0)
    assert model.own_loss(step(model, batch())) is None


def test_a_data_set_without_features_is_refused():
    with pytest.raises(ConfigError, match="VBPR needs a modality"):
        VBPR(world(replace(dataset(), features={})))

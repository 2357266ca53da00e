"""LGMRec against a dense restatement of its equations, as it is at inference: without noise."""

import pytest
import torch
from torch.nn import functional as F

from ccd.backbones.base import Batch
from ccd.backbones.lgmrec import LGMRec
from tests.backbones.restatements import (
    assert_same_loss_and_gradients,
    loss_in_all,
    loss_in_rows,
    normalised,
)
from tests.backbones.worlds import N_ITEMS, N_USERS, dataset, step, world

REG, CONTRAST, SHARE, TEMPERATURE = 0.05, 0.3, 0.7, 0.4


def build(**settings):
    given = {
        "n_hyperedges": 3,
        "n_hyper_layers": 2,
        "reg_weight": REG,
        "contrast_weight": CONTRAST,
        "global_share": SHARE,
        "temperature": TEMPERATURE,
    }
    model = LGMRec(world(), **given | settings)
    with torch.no_grad():  # so that no gradient is too small to compare
        model.item_embeddings *= 5
    return model


def batch():
    rng = torch.Generator().manual_seed(2)
    return Batch(*(torch.randint(n, (40,), generator=rng) for n in (N_USERS, N_ITEMS, N_ITEMS)))


def dense_terms(model):
    """Behaviour view, side term, and each modality's hypergraph term."""
    data = dataset()
    users, items = torch.from_numpy(data.train.users), torch.from_numpy(data.train.items)
    a = normalised(users, items)
    history = torch.zeros(N_USERS, N_ITEMS).index_put((users, items), torch.tensor(1.0))
    x = torch.cat([model.user_embeddings, model.item_embeddings])
    behaviour = (x + a @ x + a @ a @ x) / 3
    near, far = 0, []
    for name, features in data.features.items():
        raw = torch.from_numpy(features)
        f = raw @ model.maps[name]
        mean = (history @ f) / history.sum(1, keepdim=True).clamp(min=1)
        near = near + F.normalize(a @ a @ torch.cat([mean, f]))
        logits = raw @ model.hyperedges[name]
        of_items = torch.softmax(logits / TEMPERATURE, 1)
        of_users = torch.softmax(history @ logits / TEMPERATURE, 1)
        collected = of_items.T @ (of_items @ (of_items.T @ behaviour[N_USERS:]))
        far.append(torch.cat([of_users, of_items]) @ collected)
    return behaviour, near + SHARE * F.normalize(sum(far)), far


def dense_loss(model, batch):
    behaviour, side, far = dense_terms(model)
    h = behaviour + side
    users, positives = batch.users, batch.positives + N_USERS
    u, p, n = h[users], h[positives], h[batch.negatives + N_USERS]
    loss = -torch.log(torch.sigmoid((u * (p - n)).sum(1))).mean()
    loss = loss + REG * (u.norm() + p.norm() + n.norm()) / len(u)
    one, other = (F.normalize(x) for x in far)
    for rows, every in ((users, slice(0, N_USERS)), (positives, slice(N_USERS, None))):
        own = torch.exp((one[rows] * other[rows]).sum(1) / TEMPERATURE)
        among = torch.exp(one[rows] @ other[every].T / TEMPERATURE).sum(1)
        loss = loss - CONTRAST * torch.log(own / among).mean()
    return loss


@pytest.mark.parametrize("loss", [loss_in_all, loss_in_rows])
def test_loss_and_gradient_equal_the_dense_restatement(loss):
    model = build().eval()
    ours, theirs = loss(model, batch()), dense_loss(model, batch())
    assert_same_loss_and_gradients(
        ours, theirs, [x for name, x in model.named_parameters() if "projector" not in name]
    )


def test_the_higher_order_representation_is_the_items_side_term():
    model = build().eval()
    _, side, _ = dense_terms(model)
    torch.testing.assert_close(model.higher_order(), side[N_USERS:], atol=1e-6, rtol=1e-5)


def test_noise_makes_the_largest_share_as_likely_as_the_softmax():
    model = build()
    logits = torch.tensor([1.0, 0.0, -1.0])
    largest = model._shares(logits.expand(20_000, 3)).argmax(dim=1)
    shares = torch.bincount(largest, minlength=3) / len(largest)
    torch.testing.assert_close(shares, logits.softmax(0), atol=0.015, rtol=0)


def test_nothing_is_left_of_the_own_loss_without_weights():
    model = build(reg_weight=0.0, contrast_weight=0.0)
    assert model.own_loss(step(model, batch())) is None

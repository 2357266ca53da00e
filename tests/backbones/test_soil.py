"""SOIL against a dense restatement of its equations."""

import pytest
import torch
from torch.nn import functional as F

from ccd.backbones.base import Batch
from ccd.backbones.soil import SOIL
from tests.backbones.restatements import (
    assert_same_loss_and_gradients,
    dense_info_nce,
    loss_in_all,
    loss_in_rows,
    normalised,
)
from tests.backbones.worlds import N_ITEMS, N_USERS, dataset, step, world

K, N_INTERESTS, N_PAIRS = 4, 3, 2
CONTRAST, INTEREST, SHARE = 0.3, 0.4, 0.7


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CCD_CACHE", str(tmp_path))


def build():
    model = SOIL(
        world(),
        k=K,
        n_interests=N_INTERESTS,
        n_pairs=N_PAIRS,
        second_order_share=SHARE,
        contrast_weight=CONTRAST,
        interest_weight=INTEREST,
    )
    with torch.no_grad():  # so that no gradient is too small to compare
        for parameter in (model.item_embeddings, model.query.weight):
            parameter *= 5
    return model


def batch():
    rng = torch.Generator().manual_seed(2)
    return Batch(*(torch.randint(n, (40,), generator=rng) for n in (N_USERS, N_ITEMS, N_ITEMS)))


def histories():
    data = dataset()
    found = {}
    for user, item in zip(data.train.users.tolist(), data.train.items.tolist(), strict=True):
        found.setdefault(user, []).append(item)
    return found


def cosines():
    found = {}
    for name, features in dataset().features.items():
        unit = F.normalize(torch.from_numpy(features))
        found[name] = unit @ unit.T
    return found


def symmetric(matrix):
    """Over the roots of its row sums; a row without a positive sum is 0, as a column too."""
    sums = matrix.sum(1)
    scale = torch.where(sums > 0, sums.rsqrt(), 0.0)
    return scale[:, None] * matrix * scale


def item_graphs():
    cosine = cosines()
    interest = {name: torch.zeros(N_ITEMS, N_ITEMS) for name in cosine}
    for items in histories().values():
        liked = set()
        for of_one in cosine.values():
            liked |= set(of_one[items].sum(0).topk(N_INTERESTS).indices.tolist())
        for name, of_one in cosine.items():
            for i in items:
                for j in liked:
                    interest[name][i, j] += of_one[i, j].clamp(min=0)
    graphs = {}
    for name, of_one in cosine.items():
        near = torch.zeros_like(of_one).scatter(1, of_one.topk(K, dim=1).indices, 1.0)
        graphs[name] = symmetric(near * of_one) + symmetric(interest[name])
        assert (interest[name] > 0).sum() > (near > 0).sum()
    return graphs


def second_order():
    """The weighted user-item adjacency, normalised."""
    alike = torch.ones(N_ITEMS, N_ITEMS)
    for of_one in cosines().values():
        alike = alike * of_one.clamp(min=0)
    weights = torch.zeros(N_USERS, N_ITEMS)
    for user, items in histories().items():
        weights[user, items] = 1
        pairs = [(alike[i, j].item(), j) for i in items for j in range(N_ITEMS) if i != j]
        for weight, j in sorted(pairs, reverse=True)[:N_PAIRS]:
            weights[user, j] += weight
    whole = torch.zeros(N_USERS + N_ITEMS, N_USERS + N_ITEMS)
    whole[:N_USERS, N_USERS:] = weights
    return symmetric(whole + whole.T)


def dense_terms(model):
    """Behaviour view and side term, both ``[n_users + n_items, dim]``."""
    data = dataset()
    first = normalised(torch.from_numpy(data.train.users), torch.from_numpy(data.train.items))
    a = first + SHARE * second_order()
    e_i = model.item_embeddings
    x = torch.cat([model.user_embeddings, e_i])
    behaviour = (x + a @ x + a @ a @ x) / 3
    graphs, views = item_graphs(), []
    for name in data.features:
        gate = torch.sigmoid(model.gates[name](model.projector.project(name)))
        items = graphs[name] @ (e_i * gate)
        views.append(torch.cat([a[:N_USERS, N_USERS:] @ items, items]))
    attention = torch.softmax(
        torch.cat([model.query(torch.tanh(model.key(q))) for q in views], dim=1), dim=1
    )
    common = sum(attention[:, m, None] * q for m, q in enumerate(views))
    return behaviour, (sum(views) - common) / 3


def dense_loss(model, batch):
    behaviour, side = dense_terms(model)
    h = behaviour + side
    users, positives = batch.users, batch.positives + N_USERS
    u, p, n = h[users], h[positives], h[batch.negatives + N_USERS]
    loss = -torch.log(torch.sigmoid((u * (p - n)).sum(1))).mean()
    contrast = [dense_info_nce(side[rows], behaviour[rows], 0.2) for rows in (positives, users)]
    interest = [
        dense_info_nce(u, behaviour[positives], 0.2),
        dense_info_nce(u, side[positives], 0.2),
    ]
    return loss + CONTRAST * sum(contrast) + INTEREST * sum(interest)


@pytest.mark.parametrize("loss", [loss_in_all, loss_in_rows])
def test_loss_and_gradient_equal_the_dense_restatement(loss):
    model = build()
    ours, theirs = loss(model, batch()), dense_loss(model, batch())
    assert_same_loss_and_gradients(ours, theirs, list(model.parameters()))


def test_the_higher_order_representation_is_the_items_side_term():
    model = build().eval()
    _, side = dense_terms(model)
    torch.testing.assert_close(model.higher_order(), side[N_USERS:], atol=1e-6, rtol=1e-5)


def test_nothing_is_left_of_the_own_loss_without_weights():
    model = SOIL(world(), k=K, contrast_weight=0.0, interest_weight=0.0)
    assert model.own_loss(step(model, batch())) is None

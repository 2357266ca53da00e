"""SMORE against a dense restatement of its equations."""

import math

import pytest
import torch

from ccd.backbones.base import Batch
from ccd.backbones.smore import SMORE
from tests.backbones.restatements import (
    assert_same_loss_and_gradients,
    dense_info_nce,
    loss_in_all,
    loss_in_rows,
    normalised,
    weighted_knn_matrix,
)
from tests.backbones.worlds import DIM, N_ITEMS, N_USERS, dataset, step, world

K, REG, CONTRAST = 4, 0.05, 0.3


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CCD_CACHE", str(tmp_path))


def build(**settings):
    given = {"k": K, "n_layers": 2, "reg_weight": REG, "contrast_weight": CONTRAST}
    model = SMORE(world(trainable=True), **given | settings)
    with torch.no_grad():  # so that no gradient is too small to compare
        model.item_embeddings *= 5
    return model


def batch():
    rng = torch.Generator().manual_seed(2)
    return Batch(*(torch.randint(n, (40,), generator=rng) for n in (N_USERS, N_ITEMS, N_ITEMS)))


def fourier():
    """The unitary discrete Fourier transform, all its frequencies."""
    n = torch.arange(DIM)
    angle = -2 * math.pi * n[:, None] * n / DIM
    return torch.complex(angle.cos(), angle.sin()) / math.sqrt(DIM)


def filtered(spectrum, half):
    """Back from the frequencies; those above the half mirror the ones below."""
    whole = torch.view_as_complex(half)
    # A real signal has no imaginary part at frequency 0 and at the highest.
    ends = torch.zeros(len(whole), dtype=torch.bool)
    ends[[0, -1]] = True
    product = spectrum[:, : len(whole)] * whole
    product = torch.where(ends, product.real.to(product.dtype), product)
    mirrored = torch.cat([product, product[:, 1:-1].flip(1).conj()], dim=1)
    back = mirrored @ fourier().conj().T
    assert back.imag.abs().max() < 1e-5
    return back.real


def dense_terms(model):
    """Behaviour view and side term, both ``[n_users + n_items, dim]``."""
    data = dataset()
    a = normalised(torch.from_numpy(data.train.users), torch.from_numpy(data.train.items))
    e_i = model.item_embeddings
    x = torch.cat([model.user_embeddings, e_i])
    behaviour = (x + a @ x + a @ a @ x) / 3
    graphs, spectra, product = {}, {}, 1
    for name, features in data.features.items():
        graphs[name] = weighted_knn_matrix(features, K)
        f = model.projector.maps[name](model.projector.tables[name])
        spectra[name] = f.to(torch.complex64) @ fourier()
        product = product * spectra[name]
    of_features = torch.stack(list(graphs.values()))
    either = of_features.masked_fill(of_features == 0, -torch.inf).amax(0)
    graphs["all modalities"] = either.masked_fill(either == -torch.inf, 0.0)
    spectra["all modalities"] = product
    views = {}
    for name, spectrum in spectra.items():
        gate = torch.sigmoid(model.gates[name](filtered(spectrum, model.filters[name])))
        items = graphs[name] @ (e_i * gate)
        views[name] = torch.cat([a[:N_USERS, N_USERS:] @ items, items])
    fused = views["all modalities"]
    side = 0
    for name, view in views.items():
        if name in data.features:
            scores = model.queries[name](torch.tanh(model.keys[name](fused)))
            view = torch.softmax(scores, dim=1) * view
        side = side + torch.sigmoid(model.preferences[name](behaviour)) * view
    return behaviour, side / len(views)


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


def test_nothing_is_left_of_the_own_loss_without_weights():
    model = build(reg_weight=0.0, contrast_weight=0.0)
    assert model.own_loss(step(model, batch())) is None

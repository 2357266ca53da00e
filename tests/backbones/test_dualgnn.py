"""DualGNN against a dense restatement of its equations."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from ccd.backbones.base import Batch
from ccd.backbones.dualgnn import DualGNN
from ccd.errors import ConfigError
from ccd.losses.bpr import bpr_loss
from tests.backbones.worlds import CPU, DIM, N_ITEMS, N_USERS, dataset, step, world

LN2 = float(np.log(2))


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CCD_CACHE", str(tmp_path))


def symmetric(data):
    adjacency = torch.zeros(N_USERS + N_ITEMS, N_USERS + N_ITEMS)
    adjacency[data.train.users, data.train.items + N_USERS] = 1
    adjacency += adjacency.T.clone()
    scale = adjacency.sum(1).clamp(min=1e-9).rsqrt()
    return scale[:, None] * adjacency * scale


def user_matrix(model):
    graph = model.epoch_user_graph
    matrix = torch.zeros(N_USERS, N_USERS)
    weights = torch.softmax(graph.counts.float(), 1).where(graph.counts > 0, 0.0)
    return matrix.scatter_add(1, graph.neighbours, weights)


def dense_modalities(model, data):
    """``X + A X + A^2 X`` per modality, users before items."""
    a, found = symmetric(data), []
    for m, (encoder, raw) in enumerate(zip(model.encoders, data.features.values(), strict=True)):
        first, _, second = encoder
        encoded = F.leaky_relu(torch.from_numpy(raw) @ first.weight.T + first.bias, 0.01)
        encoded = encoded @ second.weight.T + second.bias
        x = torch.cat([model.user_embeddings[:, m * DIM : (m + 1) * DIM], encoded])
        x = x / x.norm(dim=1, keepdim=True)
        found.append(x + a @ x + a @ a @ x)
    return found


def dense_penalty(model, triplets):
    terms = [
        (model.user_embeddings[triplets.users, m * DIM : (m + 1) * DIM] ** 2).mean()
        for m in range(len(model.encoders))
    ]
    return sum(terms) + (model.mixture**2).mean()


def log2_loss(users, items, triplets):
    negative, positive = items[triplets.negatives], items[triplets.positives]
    margin = (users[triplets.users] * (positive - negative)).sum(1)
    return -torch.log2(torch.sigmoid(margin)).mean()


def assert_same(model, users, items, triplets, reg_weight):
    """The model's loss and gradient are ``ln 2`` times those of the specification."""
    h_u, h_i, _ = output = model()
    ours = bpr_loss(h_u[triplets.users], h_i[triplets.positives], h_i[triplets.negatives])
    ours = ours + model.own_loss(step(model, triplets, output))
    theirs = log2_loss(users, items, triplets) + reg_weight * dense_penalty(model, triplets)
    torch.testing.assert_close(ours / LN2, theirs, atol=1e-5, rtol=0)
    parameters = [p for n, p in model.named_parameters() if not n.startswith("projector")]
    for got, expected in zip(
        torch.autograd.grad(ours, parameters), torch.autograd.grad(theirs, parameters), strict=True
    ):
        torch.testing.assert_close(got / LN2, expected, atol=1e-5, rtol=0)


def triplets(seed=2):
    rng = torch.Generator().manual_seed(seed)
    return Batch(*(torch.randint(n, (40,), generator=rng) for n in (N_USERS, N_ITEMS, N_ITEMS)))


@pytest.mark.parametrize("n_user_layers", [1, 2])
def test_loss_and_gradient_equal_the_dense_restatement(n_user_layers):
    data = dataset()
    model = DualGNN(
        world(data), reg_weight=0.3, n_neighbours=20, n_user_layers=n_user_layers,
    )  # fmt: skip
    model.start_epoch(torch.Generator().manual_seed(5))
    image, text = dense_modalities(model, data)
    items = (image + text)[N_USERS:]
    w = model.mixture
    mixed = w[:, :1] * image[:N_USERS] + w[:, 1:] * text[:N_USERS]
    users = mixed + torch.matrix_power(user_matrix(model), n_user_layers) @ mixed
    assert_same(model, users, items, triplets(), 0.3)


def test_the_mixture_starts_as_shares():
    model = DualGNN(world())
    torch.testing.assert_close(model.mixture.detach().sum(1), torch.ones(N_USERS))
    assert (model.mixture > 0).all()


def test_an_epoch_redraws_short_neighbour_lists():
    model = DualGNN(world(), n_neighbours=29)
    model.start_epoch(torch.Generator().manual_seed(1))
    first = model.epoch_user_graph.neighbours
    model.start_epoch(torch.Generator().manual_seed(2))
    assert not torch.equal(first, model.epoch_user_graph.neighbours)


def test_any_modalities_will_do():
    rng = np.random.default_rng(0)
    features = {m: rng.normal(size=(N_ITEMS, 5)).astype(np.float16) for m in ("image", "audio")}
    features["text"] = features["audio"][:, :3]
    model = DualGNN(world(replace(dataset(), features=features)))
    assert model.mixture.shape == (N_USERS, 3)
    assert model().items.shape == (N_ITEMS, DIM)
    assert model().items.device == CPU


def test_dma_is_refused_with_the_reason():
    assert "no item ID embeddings" in DualGNN.misfit(fusion=True)
    assert DualGNN.misfit(negatives=True) is None


def test_refusals():
    with pytest.raises(ConfigError, match="n_neighbours = 40 exceeds"):
        DualGNN(world(), n_kept_neighbours=30)
    with pytest.raises(ConfigError, match="DualGNN needs a modality"):
        DualGNN(world(replace(dataset(), features={})))

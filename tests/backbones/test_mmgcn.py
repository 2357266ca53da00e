"""MMGCN against a dense restatement of its equations."""

from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from ccd.backbones import mmgcn
from ccd.backbones.base import Batch
from ccd.backbones.mmgcn import MMGCN
from ccd.errors import ConfigError
from ccd.losses.bpr import bpr_loss
from tests.backbones.worlds import DIM, N_ITEMS, N_USERS, dataset, step, world


def mean_matrix(data):
    adjacency = torch.zeros(N_USERS + N_ITEMS, N_USERS + N_ITEMS)
    adjacency[data.train.users, data.train.items + N_USERS] = 1
    adjacency += adjacency.T.clone()
    return adjacency / adjacency.sum(1, keepdim=True).clamp(min=1)


def dense_loss(model, data, batch, reg_weight):
    """Forward pass and loss as the specification writes them, with a dense adjacency."""
    mean = mean_matrix(data)
    z = torch.cat([model.user_embeddings, model.item_embeddings])
    tables = []
    for gcn, raw in zip(model.modalities, data.features.values(), strict=True):
        features = torch.from_numpy(raw)
        if gcn.projection is not None:
            features = features @ gcn.projection.weight.T + gcn.projection.bias
        x = torch.cat([gcn.preferences, features])
        x = x / x.norm(dim=1, keepdim=True)
        for layer in gcn.layers:
            h = F.leaky_relu(mean @ (x @ layer.weight), 0.01)
            own = F.leaky_relu(x @ layer.own.weight.T + layer.own.bias, 0.01) + z
            joined = torch.cat([h, own], 1) @ layer.merge.weight.T + layer.merge.bias
            x = F.leaky_relu(joined, 0.01)
        tables.append(x)
    table = sum(tables) / len(tables)
    users, items = table[:N_USERS], table[N_USERS:]
    margin = (users[batch.users] * (items[batch.positives] - items[batch.negatives])).sum(1)
    # Rows of users stand beside both kinds of items, as in the reference.
    twice = z[torch.cat([batch.users, batch.users])]
    both = z[torch.cat([batch.positives, batch.negatives]) + N_USERS]
    penalty = (twice**2 + both**2).mean()
    penalty = penalty + (model.modalities[0].preferences ** 2).mean()
    return -torch.log(torch.sigmoid(margin)).mean() + reg_weight * penalty


def batch(seed=2):
    rng = torch.Generator().manual_seed(seed)
    return Batch(*(torch.randint(n, (40,), generator=rng) for n in (N_USERS, N_ITEMS, N_ITEMS)))


@pytest.mark.parametrize(("wide", "width"), [(512, 256), (10, 9)])
def test_loss_and_gradient_equal_the_dense_restatement(wide, width, monkeypatch):
    monkeypatch.setattr(mmgcn, "_WIDE", wide)
    monkeypatch.setattr(mmgcn, "_PROJECTED_WIDTH", width)
    data, triplets = dataset(), batch()
    model = MMGCN(world(data), reg_weight=0.3, train_id_and_pref=True)
    h_u, h_i, _ = output = model()
    ours = bpr_loss(h_u[triplets.users], h_i[triplets.positives], h_i[triplets.negatives])
    ours = ours + model.own_loss(step(model, triplets, output))
    theirs = dense_loss(model, data, triplets, 0.3)
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)
    parameters = [p for n, p in model.named_parameters() if not n.startswith("projector")]
    for got, expected in zip(
        torch.autograd.grad(ours, parameters), torch.autograd.grad(theirs, parameters), strict=True
    ):
        torch.testing.assert_close(got, expected, atol=1e-5, rtol=0)


def test_only_wide_features_are_projected(monkeypatch):
    monkeypatch.setattr(mmgcn, "_WIDE", 6)
    monkeypatch.setattr(mmgcn, "_PROJECTED_WIDTH", 5)
    model = MMGCN(world())  # image 12, text 6
    image, text = model.modalities
    assert image.projection.weight.shape == (5, 12)
    assert text.projection is None
    assert [gcn.preferences.shape[1] for gcn in model.modalities] == [5, 6]
    assert image.layers[0].merge.weight.shape == (DIM, 5 + DIM)
    assert image.layers[1].merge.weight.shape == (DIM, 2 * DIM)


def test_parity_keeps_ids_and_preferences_at_their_initial_values():
    sane, parity = MMGCN(world(), train_id_and_pref=True), MMGCN(world())
    untrained = {n for n, p in parity.named_parameters() if not p.requires_grad}
    assert untrained == {
        "user_embeddings",
        "item_embeddings",
        "modalities.0.preferences",
        "modalities.1.preferences",
    }
    assert all(p.requires_grad for p in sane.parameters())
    assert torch.equal(sane().users, parity().users)
    parity().users.sum().backward()


def test_a_data_set_without_features_is_refused():
    with pytest.raises(ConfigError, match="MMGCN needs a modality"):
        MMGCN(world(replace(dataset(), features={})))

"""LATTICE against a dense restatement of its equations."""

from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from ccd.backbones.base import Batch
from ccd.backbones.lattice import LATTICE
from ccd.diffusion.fusion import ego_fusion, ego_id_fusion, final_fusion
from ccd.errors import ConfigError
from ccd.losses.bpr import bpr_loss
from tests.backbones.worlds import DIM, N_ITEMS, N_USERS, dataset, step, world

K, SHARE, REG = 4, 0.4, 0.05


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CCD_CACHE", str(tmp_path))


def holed():
    """The data set with an item that has no image."""
    data = dataset()
    data.features["image"][6] = 0
    return data


def build(data=None, **settings):
    return LATTICE(world(data or holed(), trainable=True), k=K, **settings)


def batch():
    rng = torch.Generator().manual_seed(2)
    return Batch(*(torch.randint(n, (40,), generator=rng) for n in (N_USERS, N_ITEMS, N_ITEMS)))


def kept_cosines(table, missing):
    """k largest cosines per row; an item without the modality has itself alone."""
    unit = F.normalize(table)
    cosine = (unit @ unit.T).masked_fill(missing, -9).masked_fill(missing[:, None], -9)
    cosine = cosine.where(~torch.diag(missing), 1.0)
    top = cosine.detach().topk(K, dim=1).indices
    chosen = torch.zeros_like(cosine).scatter(1, top, 1.0) * (cosine > -9)
    return cosine * chosen


def normalised(matrix):
    scale = matrix.sum(1).rsqrt()
    return scale[:, None] * matrix * scale


def dense_item_graph(model):
    learned = original = 0.0
    shares = model.modality_weights.softmax(0)
    for share, (name, features) in zip(shares, holed().features.items(), strict=True):
        raw = torch.from_numpy(features)
        missing = (raw == 0).all(1)
        projected = model.projector.maps[name](model.projector.tables[name])
        learned = learned + share * kept_cosines(projected, missing)
        original = original + share * normalised(kept_cosines(raw, missing))
    return (1 - SHARE) * normalised(learned) + SHARE * original


def dense_average():
    data = holed()
    adjacency = torch.zeros(N_USERS + N_ITEMS, N_USERS + N_ITEMS)
    adjacency[data.train.users, data.train.items + N_USERS] = 1
    adjacency = adjacency + adjacency.T + torch.eye(len(adjacency))
    return adjacency / adjacency.sum(1, keepdim=True)


def dense_loss(model, item_graph, batch):
    a = dense_average()
    x = torch.cat([model.user_embeddings, model.item_embeddings])
    table = (x + a @ x + a @ a @ x) / 3
    c = item_graph @ model.item_embeddings
    h_u, h_i = table[:N_USERS], table[N_USERS:] + c / c.norm(dim=1, keepdim=True)
    u, p, n = h_u[batch.users], h_i[batch.positives], h_i[batch.negatives]
    loss = -torch.log(torch.sigmoid((u * (p - n)).sum(1))).mean()
    return loss + REG * 0.5 * (u.norm() ** 2 + p.norm() ** 2 + n.norm() ** 2) / len(u)


def model_loss(model, batch):
    h_u, h_i, _ = output = model()
    loss = bpr_loss(h_u[batch.users], h_i[batch.positives], h_i[batch.negatives])
    return loss + model.own_loss(step(model, batch, output))


def compare(ours, theirs, parameters):
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)
    got = torch.autograd.grad(ours, parameters, allow_unused=True)
    true = torch.autograd.grad(theirs, parameters, allow_unused=True)
    for name, one, other in zip(range(len(got)), got, true, strict=True):
        assert (one is None) == (other is None), name
        if one is not None:
            torch.testing.assert_close(one, other, atol=1e-5, rtol=0)
    return got


@pytest.mark.parametrize("training", [True, False])
def test_the_first_batch_equals_the_dense_restatement(training):
    model = build(original_share=SHARE, reg_weight=REG).train(training)
    model.start_epoch(torch.Generator())
    names, parameters = zip(*model.named_parameters(), strict=True)
    theirs = dense_loss(model, dense_item_graph(model), batch())
    gradients = dict(
        zip(names, compare(model_loss(model, batch()), theirs, parameters), strict=True)
    )
    learned = [n for n in names if n.startswith("projector") or n == "modality_weights"]
    assert len(learned) == 7
    for name in learned:
        assert gradients[name].abs().max() > 1e-4, name  # above the tolerance


def test_later_batches_keep_the_first_ones_graph_without_gradient():
    model = build(original_share=SHARE, reg_weight=REG).train()
    model.start_epoch(torch.Generator())
    graph = dense_item_graph(model).detach()
    model_loss(model, batch()).backward()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * parameter.sign()
    own = [model.user_embeddings, model.item_embeddings]
    rest = [p for p in model.parameters() if all(p is not o for o in own)]
    gradients = compare(
        model_loss(model, batch()), dense_loss(model, graph, batch()), [*own, *rest]
    )
    assert all(g is None for g in gradients[2:])
    assert all(g is not None for g in gradients[:2])
    model.start_epoch(torch.Generator())
    compare(
        model_loss(model, batch()),
        dense_loss(model, dense_item_graph(model), batch()),
        list(model.parameters()),
    )


def test_inference_leaves_the_epochs_graph_alone():
    model = build().train()
    first = model().items
    with torch.no_grad():
        model.modality_weights += torch.tensor([2.0, -2.0])
        assert not torch.allclose(model.eval()().items, first)
        torch.testing.assert_close(model.train()().items, first)


def test_frozen_features_have_no_table():
    model = LATTICE(world(), k=K)
    assert not model.projector.tables
    model().items.sum().backward()
    assert model.projector.maps["image"].weight.grad.abs().max() > 0


SITES = [
    (final_fusion, lambda e, c, mix: (e, mix(c))),
    (ego_fusion, lambda e, c, mix: (mix(c), c)),
    (ego_id_fusion, lambda e, c, mix: (mix(e), c)),
]


@pytest.mark.parametrize("n_item_layers", [1, 2])
@pytest.mark.parametrize(("fusion", "site"), SITES)
def test_fusion_sites_equal_the_dense_restatement(fusion, site, n_item_layers):
    model = build(original_share=SHARE, n_item_layers=n_item_layers).train()
    items, denoised = torch.tensor([2, 5]), torch.ones(2, DIM, requires_grad=True)

    def mix(table):
        return table.index_copy(0, items, 0.5 * table[items] + 0.5 * denoised)

    fused = fusion(items, denoised, 0.5)
    graph = dense_item_graph(model).detach()

    def expected():
        c = F.normalize(torch.linalg.matrix_power(graph, n_item_layers) @ model.item_embeddings)
        ego, side = site(model.item_embeddings, c, mix)
        a = dense_average()
        x = torch.cat([model.user_embeddings, ego])
        table = (x + a @ x + a @ a @ x) / 3
        return torch.cat([table[:N_USERS], table[N_USERS:] + side])

    parameters = (model.user_embeddings, model.item_embeddings, denoised)
    model.start_epoch(torch.Generator())
    model(fused)  # the first batch leaves the graph to the later ones
    for got in (torch.cat(model(fused)[:2]), model.layered(fused)[1].mean(0)):
        weight = torch.randn(got.shape, generator=torch.Generator().manual_seed(1))
        torch.testing.assert_close(got, expected(), atol=1e-5, rtol=0)
        compare((got * weight).mean(), (expected() * weight).mean(), parameters)


def test_a_mirrored_second_pass_uses_the_detached_graph():
    model = build(original_share=SHARE).train()
    model.start_epoch(torch.Generator())
    first, second = model().items, model().items
    torch.testing.assert_close(first, second)
    weights = model.modality_weights
    assert torch.autograd.grad(first.sum(), weights)[0].abs().max() > 0
    assert torch.autograd.grad(second.sum(), weights, allow_unused=True) == (None,)


def test_refuses_what_has_no_item_graph():
    with pytest.raises(ConfigError, match=r"LATTICE\.k = 26.*largest legal value is 25"):
        LATTICE(world(), k=26)
    with pytest.raises(ConfigError, match="LATTICE needs a modality"):
        LATTICE(world(replace(dataset(), features={})))

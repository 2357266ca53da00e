"""MCDRec's BM3 variant against a dense restatement of its equations."""

from functools import partial

import pytest
import torch
from torch.nn import functional as F

from ccd.backbones.mcdrec_bm3 import MCDRecBM3
from ccd.diffusion.fusion import ego_id_fusion
from ccd.graphs.pruning import degree_pruning, diffusion_guided_pruning
from tests.backbones.test_bm3 import WEIGHTS, assert_same, batch, bootstrap_loss, copy_of
from tests.backbones.worlds import DIM, N_ITEMS, N_USERS, dataset, step, world

GUIDED = partial(diffusion_guided_pruning, guided_draw=False)
W = 0.3


def build(pruning=GUIDED, **settings):
    built = MCDRecBM3(world(), pruning=pruning, edge_dropout=0.5, **{**WEIGHTS, **settings})
    built.start_epoch(torch.Generator().manual_seed(3))
    return built


def denoised():
    return torch.randn(N_ITEMS, DIM, generator=torch.Generator().manual_seed(4))


def fusion():
    return ego_id_fusion(torch.arange(N_ITEMS), denoised(), W)


def dense(model, x0, graph, degree_of):
    """Spec 7.3's ``h_u`` and ``h_i``, in inference: no dropout."""
    parts = [W * x0 + (1 - W) * model.item_embeddings]
    for name, layer in model.projector.maps.items():
        parts.append(torch.from_numpy(dataset().features[name]) @ layer.weight.T + layer.bias)
    z = torch.cat(parts, 1)
    first, second, third = (part for part in model.mlp if hasattr(part, "weight"))
    z = F.relu(z @ first.weight.T + first.bias)
    z = F.relu(z @ second.weight.T + second.bias)
    z = z @ third.weight.T + third.bias
    incidence = torch.zeros(N_USERS, N_ITEMS)
    incidence[graph.users, graph.items] = 1
    shares = incidence * degree_of
    scale_u, scale_i = (d.rsqrt().where(d > 0, 0.0) for d in (shares.sum(1), shares.sum(0)))
    a = scale_u[:, None] * incidence * scale_i
    h_u = (model.user_embeddings + a @ z) / 2
    return h_u, (z + a.T @ model.user_embeddings) / 2 + model.item_embeddings


def test_loss_and_gradient_equal_the_dense_restatement():
    built = build(dropout=0.4, mlp_dropout=0.0)
    rng = copy_of(built.dropout._rng)
    output, b = built(fusion()), batch()
    e_u, e_i = built.user_embeddings.detach(), built.item_embeddings.detach()
    shares = 1 + 0.3 * F.normalize(e_u) @ F.normalize(e_i).T
    assert len(built.graph.epoch.users) == 80
    h_u, h_i = dense(built, denoised(), built.graph.epoch, shares)
    theirs = bootstrap_loss(
        built, h_u, h_i, b, 0.4, rng, aligned=built.item_embeddings[b.positives]
    )
    assert_same(built.own_loss(step(built, b, output)), theirs, built)


def test_inference_uses_the_plain_full_graph():
    built = build().eval()
    h_u, h_i = dense(built, denoised(), built.graph.full, torch.ones(N_USERS, N_ITEMS))
    users, items, _ = built(fusion())
    torch.testing.assert_close(users, built.predictor(h_u), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(items, built.predictor(h_i), atol=1e-5, rtol=1e-5)


def test_the_last_sample_guides_the_next_epoch():
    guides = []

    def spy(graph, drop_ratio, users, items, rng):
        guides.append(items)
        return degree_pruning(graph, drop_ratio, users, items, rng)

    built = build(spy)
    built.start_epoch(torch.Generator().manual_seed(3), denoised())
    assert torch.equal(guides[0], built.item_embeddings)
    assert torch.equal(guides[1], denoised())


def test_bpr_on_the_random_negative_can_be_added():
    plain, weighted = build(dropout=0.0), build(dropout=0.0, bpr_weight=0.7)
    losses = [m.eval().own_loss(step(m, batch())) for m in (plain, weighted)]
    users, items, _ = weighted()
    b = batch()
    margin = (users[b.users] * (items[b.positives] - items[b.negatives])).sum(1)
    expected = 0.7 * -torch.log(torch.sigmoid(margin)).mean()
    torch.testing.assert_close(losses[1] - losses[0], expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("rate", [0.0, 0.5])
def test_the_mlp_drops_out_in_training_only(rate):
    built = build(mlp_dropout=rate, dropout=0.0)
    same = torch.equal(built(fusion()).items, built(fusion()).items)
    assert same == (rate == 0.0)
    built.eval()
    assert torch.equal(built(fusion()).items, built(fusion()).items)

"""MCDRec on FREEDOM, as gin/backbones/mcdrec.gin wires it, against dense matrices (spec 7.4)."""

import pytest
import torch
from torch.nn import functional as F

from ccd.backbones.base import Batch
from ccd.config.recipe import load_recipe
from ccd.graphs.pruning import draw_edges
from tests.backbones.test_bm3 import copy_of
from tests.backbones.test_freedom import knn_matrix
from tests.backbones.worlds import N_ITEMS, N_USERS, dataset

# The specification's, which wiring and signatures must give: not set below. Then this test's own.
W, TAU, LAMBDA, STEPS, K, DIM = 0.3, 0.3, 0.5, 20, 10, 64
REG, DROPPED = 0.3, 0.5
RECIPE = f"""
include 'gin/base.gin'
Ablation.variants = {{'MCDRec': ['gin/backbones/mcdrec.gin']}}
Experiment.sampler = None
UNetEstimator.dropout = 0.0
FREEDOM.reg_weight = {REG}
FREEDOM.edge_dropout = {DROPPED}
knn_graph.weights = {{'image': 0.1}}
FullRanking.cutoffs = (20,)
"""


@pytest.fixture
def build(tmp_path, monkeypatch):
    monkeypatch.setenv("CCD_CACHE", str(tmp_path))
    path = tmp_path / "mcdrec.gin"
    path.write_text(RECIPE)

    def assemble(scope):
        bindings = [f"mcdrec/DiffusionAligner.scope = '{scope}'"]
        experiment = load_recipe(path, bindings=bindings).graphs["MCDRec"].factory()()
        model = experiment.assemble(dataset(), seed=0)
        model.restore(model.state_dict(), torch.zeros(N_ITEMS, DIM))
        rng = torch.Generator().manual_seed(5)
        direction = 0.2 * torch.randn(DIM, generator=rng)
        backbone = model.backbone
        # Initial embeddings are nearly orthogonal, so they would hardly guide the graph.
        for table in (backbone.user_embeddings, backbone.item_embeddings, model.sample):
            table.data += torch.randn(len(table), 1, generator=rng) * direction
        return model

    return assemble


def batch():
    """Few triplets, so that ``scope = 'batch'`` leaves items out; some items come twice."""
    rng = torch.Generator().manual_seed(2)
    return Batch(*(torch.randint(n, (8,), generator=rng) for n in (N_USERS, N_ITEMS, N_ITEMS)))


def projected(model):
    """Image and text features ``f [N_ITEMS, DIM]``."""
    raw, maps = dataset().features, model.backbone.projector.maps
    return [torch.from_numpy(raw[n]) @ m.weight.T + m.bias for n, m in maps.items()]


def diffused(model, items, rng):
    """``x0hat [m, DIM]`` of ``items [m]`` and ``L_dm``; test_unet.py restates the U-Net itself."""
    half = torch.randint(STEPS, (len(items) // 2 + 1,), generator=rng)
    t = torch.cat([half, STEPS - 1 - half])[: len(items)]
    noise = torch.randn(len(items), DIM, generator=rng)
    # In float64, because the U-Net's norms amplify rounding of its input beyond the tolerance.
    beta = torch.linspace(1e-4, 0.02, STEPS, dtype=torch.float64)
    alpha_bar = (1 - beta).cumprod(0)[t, None]
    signal, spread = alpha_bar.sqrt().float(), (1 - alpha_bar).sqrt().float()
    e = model.backbone.item_embeddings[items]
    condition = torch.stack([f[items] for f in projected(model)], 1)
    x0 = model.aligner.estimator(signal * e + spread * noise, t, condition)
    return x0, (x0 - e).square().mean()


def incidence(graph):
    return torch.zeros(N_USERS, N_ITEMS).index_put((graph.users, graph.items), torch.ones(()))


def degrees(shares):
    """``D'`` of users, then items, of the edges' ``shares [N_USERS, N_ITEMS]``."""
    return torch.cat([shares.sum(1), shares.sum(0)])


def representations(model, items, x0, edges, shares):
    """``h_u`` and ``h_i``; an edge weighs ``1/sqrt(D'_u D'_i)``: shares enter by degrees alone."""
    d = degrees(edges * shares)
    scale = d.rsqrt().where(d > 0, 0.0)
    a = torch.zeros(len(d), len(d))
    a[:N_USERS, N_USERS:], a[N_USERS:, :N_USERS] = edges, edges.T
    a = scale[:, None] * a * scale
    e_i = model.backbone.item_embeddings
    x_i = e_i.index_copy(0, items, W * x0 + (1 - W) * e_i[items])
    x = torch.cat([model.backbone.user_embeddings, x_i])
    h_u, lgn_i = ((x + a @ x + a @ a @ x) / 3).split([N_USERS, N_ITEMS])
    image, text = (knn_matrix(table, K) for table in dataset().features.values())
    return h_u, lgn_i + (0.1 * image + 0.9 * text) @ e_i


def bpr(h_u, items, b):
    margin = (h_u[b.users] * (items[b.positives] - items[b.negatives])).sum(1)
    return -torch.log(torch.sigmoid(margin)).mean()


@pytest.mark.parametrize("epoch", [0, 1])
@pytest.mark.parametrize("scope", ["all", "batch"])
def test_losses_and_gradients_equal_the_dense_restatement(build, scope, epoch):
    model, b = build(scope), batch()
    draw, noise = copy_of(model._graph_rng), copy_of(model._noise_rng)
    model.start_epoch(epoch)
    ours = model.step(b, epoch)

    e_u, e_i = model.backbone.user_embeddings.detach(), model.backbone.item_embeddings.detach()
    guide = e_i if epoch == 0 else model.sample
    shares = 1 + TAU * F.normalize(e_u) @ F.normalize(guide).T
    # This variant draws edges by guided degrees too, those over all edges.
    full, kept = model.backbone.graph.full, model.backbone.graph.epoch
    drawn = draw_edges(full, degrees(incidence(full) * shares), DROPPED, draw)
    assert len(drawn) == 80
    assert torch.equal(full.users[drawn], kept.users)
    assert torch.equal(full.items[drawn], kept.items)

    items = torch.arange(N_ITEMS) if scope == "all" else torch.cat(b[1:]).unique()
    assert (len(items) < N_ITEMS) == (scope == "batch")
    x0, l_dm = diffused(model, items, noise)
    h_u, h_i = representations(model, items, x0, incidence(kept), shares)
    modalities = sum(bpr(h_u, f, b) for f in projected(model))
    theirs = {"random": bpr(h_u, h_i, b), "diffusion": LAMBDA * l_dm, "backbone": REG * modalities}

    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)
    names, parameters = zip(*model.named_parameters(), strict=True)
    true = torch.autograd.grad(sum(theirs.values()), parameters)
    got = torch.autograd.grad(sum(ours.values()), parameters)
    torch.testing.assert_close(got, true, atol=1e-5, rtol=0)
    for name in ("user_embeddings", "item_embeddings", "aligner.estimator.entry.weight"):
        (gradient,) = (g for n, g in zip(names, got, strict=True) if n.endswith(name))
        assert gradient.abs().max() > 1e-3, name  # far above the tolerance


def test_inference_mixes_the_sample_and_uses_the_plain_full_graph(build):
    model = build("all")
    model.start_epoch(1)
    edges = incidence(model.backbone.graph.full)
    every = torch.arange(N_ITEMS)
    h_u, h_i = representations(model, every, model.sample, edges, torch.ones_like(edges))
    users, items, _ = model.infer()
    torch.testing.assert_close(users, h_u.detach(), atol=1e-5, rtol=0)
    torch.testing.assert_close(items, h_i.detach(), atol=1e-5, rtol=0)

"""LightGCN and BPR-MF against dense restatements of their equations."""

import pytest
import torch

from ccd.backbones.base import Batch, Rows
from ccd.backbones.bpr_mf import BPRMF
from ccd.backbones.lightgcn import LightGCN
from ccd.diffusion.fusion import ego_fusion, ego_id_fusion, final_fusion
from ccd.losses.bpr import bpr_loss
from tests.backbones.test_freedom import normalised
from tests.backbones.worlds import DIM, N_ITEMS, N_USERS, step, world

REG = 0.3


def batch():
    rng = torch.Generator().manual_seed(2)
    sizes = (N_USERS, N_ITEMS, N_ITEMS)
    return Batch(*(torch.randint(n, (40,), generator=rng) for n in sizes))


def dense_convolution(users, items, model, n_layers):
    a = normalised(model.graph.users, model.graph.items)
    layers = [torch.cat([users, items])]
    for _ in range(n_layers):
        layers.append(a @ layers[-1])
    return (sum(layers) / (n_layers + 1)).split([N_USERS, N_ITEMS])


def dense_loss(h_u, h_i, e_u, e_i, triplets):
    u, p, n = triplets
    margin = (h_u[u] * (h_i[p] - h_i[n])).sum(1)
    norms = e_u[u].square().sum().sqrt() + sum(e_i[i].square().sum().sqrt() for i in (p, n))
    return -torch.log(torch.sigmoid(margin)).mean() + REG * norms / len(u)


@pytest.mark.parametrize("n_layers", [0, 1, 3])
def test_lightgcn_equals_the_dense_restatement(n_layers):
    model = LightGCN(world(), n_layers=n_layers, reg_weight=REG)
    e_u, e_i = model.user_embeddings, model.item_embeddings
    h_u, h_i = dense_convolution(e_u, e_i, model, n_layers)
    compare(model, dense_loss(h_u, h_i, e_u, e_i, batch()))


def test_bpr_mf_equals_the_dense_restatement():
    model = BPRMF(world(), reg_weight=REG)
    e_u, e_i = model.user_embeddings, model.item_embeddings
    compare(model, dense_loss(e_u, e_i, e_u, e_i, batch()))


def compare(model, theirs):
    seen = step(model, batch())
    ours = bpr_loss(seen.users, seen.positives, seen.negatives) + model.own_loss(seen)
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)
    tables = (model.user_embeddings, model.item_embeddings)
    for got, expected in zip(
        torch.autograd.grad(ours, tables), torch.autograd.grad(theirs, tables), strict=True
    ):
        torch.testing.assert_close(got, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("fusion", "expected"),
    [
        (final_fusion, lambda lgn, e, x: (lgn(e)[0], 0.6 * lgn(e)[1] + 0.4 * x)),
        (ego_fusion, lambda lgn, e, x: lgn(0.6 * lgn(e)[1] + 0.4 * x)),
        (ego_id_fusion, lambda lgn, e, x: lgn(0.6 * e + 0.4 * x)),
    ],
)
def test_fusion_sites(fusion, expected):
    model = LightGCN(world()).eval()
    denoised = torch.randn(N_ITEMS, DIM, generator=torch.Generator().manual_seed(5))
    fused = fusion(torch.arange(N_ITEMS), denoised, 0.4)
    users, items = expected(
        lambda x: dense_convolution(model.user_embeddings, x, model, 2),
        model.item_embeddings,
        denoised,
    )
    got, rows = model(fused), Rows(torch.tensor([3]), torch.tensor([1, 7]))
    torch.testing.assert_close(torch.cat(got[:2]), torch.cat([users, items]), atol=1e-5, rtol=0)
    part = model(fused, rows)
    torch.testing.assert_close(part.items, items[rows.items], atol=1e-5, rtol=0)
    output, layers = model.layered(fused)
    torch.testing.assert_close(torch.cat(output[:2]), torch.cat([users, items]), atol=1e-5, rtol=0)
    torch.testing.assert_close(layers.mean(0), torch.cat([users, items]), atol=1e-5, rtol=0)

"""SLMRec against a dense restatement of its equations."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from ccd.backbones.base import Batch, Rows, Step
from ccd.backbones.slmrec import SLMRec
from ccd.errors import ConfigError
from tests.backbones.worlds import DIM, N_ITEMS, N_USERS, dataset, step, world

SETTINGS = {"temperature": 0.3, "ssl_temperature": 0.5, "ssl_weight": 0.4}


def batch(n=40):
    rng = torch.Generator().manual_seed(2)
    return Batch(*(torch.randint(n_ids, (n,), generator=rng) for n_ids in (N_USERS, N_ITEMS, 20)))


def adjacency(data):
    matrix = torch.zeros(N_USERS + N_ITEMS, N_USERS + N_ITEMS)
    matrix[data.train.users, data.train.items + N_USERS] = 1
    matrix += matrix.T.clone()
    scale = torch.where(matrix.sum(1) > 0, (matrix.sum(1) + 1e-7).rsqrt(), 0.0)
    return scale[:, None] * matrix * scale


def contrast(a, b, temperature):
    scores = a @ b.T / temperature
    return -(scores.diagonal() - scores.logsumexp(dim=1)).mean()


def dense_loss(model, data, ids):
    """The spec's forward pass and loss with dense matrices."""
    a = adjacency(data)
    tables = [model.item_embeddings]
    for linear, feature in zip(model.projections, data.features.values(), strict=True):
        x = torch.from_numpy(feature)
        x = x / x.square().sum(1, keepdim=True).sqrt()
        tables.append(x @ linear.weight.T + linear.bias)
    views = []
    for table in tables:
        x = torch.cat([model.user_embeddings, table])
        views.append((x + a @ x + a @ a @ x + a @ a @ a @ x) / 4)
    h_u = model.merge_users(torch.cat([z[:N_USERS] for z in views], dim=1))[ids.users]
    h_i = model.merge_items(torch.cat([z[N_USERS:] for z in views], dim=1))[ids.positives]
    main = contrast(F.normalize(h_u), F.normalize(h_i), 0.3)
    z = [view[N_USERS:][ids.positives] for view in views]
    anchor = model.fine[0](z[0])
    ssl = contrast(anchor, model.fine[1](z[1]), 0.5)
    for n, view in enumerate(z[2:]):
        anchor = model.onward[n](anchor)
        ssl = ssl + contrast(model.coarse_anchors[n](anchor), model.coarse_targets[n](view), 0.5)
    return main + 0.4 * ssl


def three_modalities():
    data = dataset()
    audio = np.random.default_rng(5).normal(size=(N_ITEMS, 5)).astype(np.float32)
    return replace(data, features={**data.features, "audio": audio})


@pytest.mark.parametrize("make", [dataset, three_modalities])
def test_loss_and_gradient_equal_the_dense_restatement(make):
    data, ids = make(), batch()
    model = SLMRec(world(data), **SETTINGS)
    ours, theirs = model.own_loss(step(model, ids)), dense_loss(model, data, ids)
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)
    # The projector that other parts share is not used: this one needs features of length 1.
    named = [(n, p) for n, p in model.named_parameters() if not n.startswith("projector.")]
    parameters = [p for _, p in named]
    for (name, _), got, expected in zip(
        named,
        torch.autograd.grad(ours, parameters),
        torch.autograd.grad(theirs, parameters),
        strict=True,
    ):
        torch.testing.assert_close(got, expected, atol=1e-5, rtol=0, msg=name)


def test_the_loss_of_a_batchs_own_rows_is_that_of_the_whole():
    model, ids = SLMRec(world(), **SETTINGS), batch()
    users, user_index = torch.unique(ids.users, return_inverse=True)
    items, item_index = torch.unique(torch.cat(ids[1:]), return_inverse=True)
    output = model(rows=Rows(users, items))
    index = Batch(user_index, *item_index.chunk(2))
    rows = (output.users[index.users], *(output.items[i] for i in index[1:]))
    part = model.own_loss(Step(ids, index, *rows, output))
    torch.testing.assert_close(part, model.own_loss(step(model, ids)))


def test_the_coarse_space_is_half_as_wide():
    model = SLMRec(world())
    assert model.coarse_anchors[0].out_features == DIM // 2
    assert len(model.onward) == 1


def test_the_negatives_are_of_no_consequence():
    model, ids = SLMRec(world()), batch()
    other = ids._replace(negatives=ids.negatives.flip(0))
    assert torch.equal(model.own_loss(step(model, ids)), model.own_loss(step(model, other)))
    assert "without sampled negatives" in model.misfit(negatives=True)


def test_one_modality_is_refused():
    features = {"image": dataset().features["image"]}
    with pytest.raises(ConfigError, match=r"SLMRec needs 2 modalities, .* has image"):
        SLMRec(world(replace(dataset(), features=features)))

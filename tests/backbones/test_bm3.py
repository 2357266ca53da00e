"""BM3 against a dense restatement of its equations."""

from dataclasses import replace

import pytest
import torch

from ccd.backbones.base import Batch, Rows, Step
from ccd.backbones.bm3 import BM3
from ccd.diffusion.fusion import final_fusion
from ccd.errors import ConfigError
from tests.backbones.test_freedom import normalised
from tests.backbones.worlds import N_ITEMS, N_USERS, dataset, step, world

WEIGHTS = {"reg_weight": 0.3, "contrastive_weight": 1.5}


def batch():
    rng = torch.Generator().manual_seed(2)
    ids = (torch.randint(n, (40,), generator=rng) for n in (N_USERS, N_ITEMS, N_ITEMS))
    return Batch(*ids)


def copy_of(rng):
    return torch.Generator().set_state(rng.get_state())


def away(a, b):
    return 1 - ((a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1))).mean()


def bootstrap_loss(model, h_u, h_i, batch, rate, rng, aligned=None):
    """Spec 3.7's loss of representations ``h_u``, ``h_i``, with the masks that ``rng`` draws."""

    def target(y):
        kept = torch.rand(y.shape, generator=rng) < 1 - rate
        return y.detach() * kept / (1 - rate)

    def q(x):
        return x @ model.predictor.weight.T + model.predictor.bias

    u, i = h_u[batch.users], h_i[batch.positives]
    u_target, i_target = target(u), target(i)
    loss = away(q(u), i_target) + away(q(i), u_target)
    loss = loss + 0.3 * (h_u.square().sum().sqrt() + h_i.square().sum().sqrt()) / N_ITEMS
    goal = i_target if aligned is None else target(aligned)
    for name, layer in model.projector.maps.items():
        raw = torch.from_numpy(dataset().features[name])[batch.positives]
        f = raw @ layer.weight.T + layer.bias
        loss = loss + 1.5 * (away(q(f), goal) + away(q(f), target(f)))
    return loss


def assert_same(ours, theirs, model):
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)
    parameters = list(model.parameters())
    gradients = (
        torch.autograd.grad(x, parameters, allow_unused=True, materialize_grads=True)
        for x in (ours, theirs)
    )
    for got, expected in zip(*gradients, strict=True):
        torch.testing.assert_close(got, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("n_layers", [1, 2])
def test_loss_and_gradient_equal_the_dense_restatement(n_layers):
    built = BM3(world(), n_layers=n_layers, dropout=0.4, **WEIGHTS)
    rng = copy_of(built.dropout._rng)
    e_u, e_i = built.user_embeddings, built.item_embeddings
    a = normalised(built.full_graph.users, built.full_graph.items)
    layers = [torch.cat([e_u, e_i])]
    for _ in range(n_layers):
        layers.append(a @ layers[-1])
    table = torch.stack(layers).mean(0)
    h_u, h_i = table[:N_USERS], table[N_USERS:] + e_i
    theirs = bootstrap_loss(built, h_u, h_i, batch(), 0.4, rng)
    assert_same(built.own_loss(step(built, batch())), theirs, built)


def test_the_raw_features_are_trained_where_the_projector_says_so():
    built = BM3(world(trainable=True))
    built.own_loss(step(built, batch())).backward()
    assert all(table.grad.abs().sum() > 0 for table in built.projector.tables.values())


def test_inference_scores_predictions():
    built = BM3(world()).eval()
    users, items, online = built()
    torch.testing.assert_close(users, built.predictor(online.users))
    torch.testing.assert_close(items, built.predictor(online.items))


def test_the_loss_of_rows_is_that_of_the_whole():
    built = BM3(world(), dropout=0.0)
    b = batch()
    users, user_index = torch.unique(b.users, return_inverse=True)
    items, item_index = torch.unique(torch.cat([b.positives, b.negatives]), return_inverse=True)
    output = built(rows=Rows(users, items))
    index = Batch(user_index, *item_index.chunk(2))
    rows = (output.users[index.users], *(output.items[ids] for ids in index[1:]))
    torch.testing.assert_close(
        built.own_loss(Step(b, index, *rows, output)), built.own_loss(step(built, b))
    )


def test_dropout_has_a_stream_of_its_own():
    losses = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        built = BM3(world())
        losses.append([built.own_loss(step(built, batch())).item() for _ in range(2)])
    assert losses[0] == losses[1]
    assert losses[0][0] != losses[0][1]


def test_dma_fuses_with_the_residual():
    built = BM3(world()).eval()
    everywhere = final_fusion(torch.arange(N_ITEMS), 3 * built.item_embeddings, 0.5)
    doubled = built(everywhere)  # half of it is e_i, half is 3 e_i
    torch.testing.assert_close(doubled.state.items, built().state.items + built.item_embeddings)
    assert built.higher_order() is built.item_embeddings


def test_a_data_set_without_features_is_refused():
    bare = replace(dataset(), features={})
    with pytest.raises(ConfigError, match="BM3 needs a modality.*@LightGCN"):
        BM3(world(bare))

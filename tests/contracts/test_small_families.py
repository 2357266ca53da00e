"""Every registered metric, optimiser, projector, item graph, losses and data set."""

import numpy as np
import pytest
import torch

from ccd import catalogue
from ccd.graphs.engines import DglEngine
from ccd.graphs.propagation import propagate
from ccd.registry import components
from tests.backbones.worlds import CPU, DIM, N_ITEMS, dataset

catalogue.load()


def family(name):
    own = [c for c in components(name) if c.target.__module__.startswith("ccd.")]
    return pytest.mark.parametrize("part", own, ids=lambda c: c.name)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CCD_CACHE", str(tmp_path))


@family("metric")
class TestMetrics:
    def test_bounds(self, part):
        rng = torch.Generator().manual_seed(0)
        hits = (torch.rand(50, 20, generator=rng) < 0.2).float()
        relevant = hits.sum(1).clamp(min=1)
        values = part.target(hits, 10, relevant)
        assert values.shape == (50,)
        assert ((values >= 0) & (values <= 1 + 1e-6)).all()

    def test_no_hit_is_zero_and_one_more_hit_is_never_worse(self, part):
        relevant = torch.full((10,), 5.0)
        hits = torch.zeros(10, 10)
        assert (part.target(hits, 10, relevant) == 0).all()
        before = part.target(hits, 10, relevant)
        for rank in (9, 4, 0):
            hits[:, rank] = 1
            after = part.target(hits, 10, relevant)
            assert (after >= before).all()
            before = after
        assert (before > 0).all()

    def test_what_lies_beyond_the_cutoff_is_ignored(self, part):
        relevant = torch.full((3,), 5.0)
        near, far = torch.zeros(3, 20), torch.zeros(3, 20)
        near[:, 2] = far[:, 2] = 1
        far[:, 10:] = 1
        assert torch.equal(part.target(near, 10, relevant), part.target(far, 10, relevant))


@family("optimizer")
def test_optimizers_descend_with_a_rate_per_group(part):
    fast, slow = torch.nn.Parameter(torch.ones(3)), torch.nn.Parameter(torch.ones(3))
    groups = [{"params": [fast], "lr": 0.1}, {"params": [slow], "lr": 0.001}]
    optimizer = part.target(groups)
    for _ in range(5):
        optimizer.zero_grad()
        (fast.square().sum() + slow.square().sum()).backward()
        optimizer.step()
    assert (fast < slow).all()
    assert (slow < 1).all()


@family("projector")
def test_projectors_project_the_items_asked_for(part):
    def build(seed):
        return part.target(dataset().features, DIM, torch.Generator().manual_seed(seed), CPU)

    model, items = build(0), torch.tensor([3, 1, 3])
    projected = model(items)
    assert projected.shape == (3, 2, DIM)
    torch.testing.assert_close(projected[0], projected[2])
    assert torch.equal(projected, build(0)(items))
    assert not torch.equal(projected, build(1)(items))
    for number, name in enumerate(model.modalities):
        assert torch.equal(projected[:, number], model.project(name, items))


@family("item_graph")
def test_item_graphs_average_and_transpose(part):
    graph = part.target(dataset(), DglEngine(), CPU, k=4)
    x = torch.randn(N_ITEMS, 3, generator=torch.Generator().manual_seed(0), requires_grad=True)
    ones = torch.ones(N_ITEMS, 1)
    torch.testing.assert_close(graph(ones), ones)
    weight = torch.randn(N_ITEMS, 3, generator=torch.Generator().manual_seed(1))
    (gradient,) = torch.autograd.grad((propagate(graph, x) * weight).sum(), x)
    matrix = graph(torch.eye(N_ITEMS))
    torch.testing.assert_close(gradient, matrix.T @ weight, atol=1e-5, rtol=1e-5)


@family("losses")
def test_losses_fall_when_positives_win(part):
    rng = torch.Generator().manual_seed(0)
    users, negatives, hard = (torch.randn(20, DIM, generator=rng) for _ in range(3))
    mix = part.target()

    def total(positives):
        return sum(mix((users, positives, negatives), hard, torch.tensor(0.3), None).values())

    assert total(users) < total(-users)
    assert set(mix((users, users, negatives), None, None, None)) == {"random"}
    assert set(mix(None, None, torch.tensor(0.3), torch.tensor(1.0))) == {"diffusion", "backbone"}


@family("dataset")
def test_generated_data_sets_are_sound(part):
    if any(s.default is not None and repr(s.default) == "REQUIRED" for s in part.settings.values()):
        pytest.skip("reads files; its own tests write them")
    data = part.target([])
    again = part.target([])
    assert data.fingerprint == again.fingerprint != ""
    pairs = [np.stack([s.users, s.items]) for s in (data.train, data.valid, data.test)]
    keys = np.concatenate([u * data.n_items + i for u, i in pairs])
    assert len(np.unique(keys)) == len(keys)
    for users, items in pairs:
        assert users.max() < data.n_users
        assert items.max() < data.n_items
        assert np.isin(users, data.train.users).all()
    for features in data.features.values():
        assert len(features) == data.n_items
        assert np.isfinite(features).all()


@family("stopping")
def test_stopping_rules_keep_the_best_and_end(part):
    stopping = part.target(0)
    assert stopping.update(0, 1.0)
    epoch = 0
    while not stopping.finished and epoch < 10_000:
        epoch += 1
        assert not stopping.update(epoch, 0.5)
    assert stopping.finished
    assert (stopping.best, stopping.best_epoch) == (1.0, 0)

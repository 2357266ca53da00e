"""Every registered backbone, without an edit here."""

import inspect

import pytest
import torch

from ccd import catalogue
from ccd.backbones.base import Batch, Rows, no_fusion
from ccd.graphs.pruning import degree_pruning
from ccd.registry import components
from tests.backbones.worlds import DIM, N_ITEMS, N_USERS, small_knn, step, world

catalogue.load()


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CCD_CACHE", str(tmp_path))


def build(component, seed=0):
    slots = {"item_graph": small_knn, "pruning": degree_pruning}
    wanted = inspect.signature(component.target).parameters
    settings = {name: value for name, value in slots.items() if name in wanted}
    return component.target(world(seed=seed), **settings)


@pytest.mark.parametrize("backbone", components("backbone"), ids=lambda c: c.name)
class TestBackbones:
    def test_representations_have_the_stated_shapes(self, backbone):
        model = build(backbone)
        model.start_epoch(torch.Generator().manual_seed(0))
        users, items, _ = model()
        # A backbone may put several embeddings side by side, as VBPR does.
        assert users.shape[1] == items.shape[1]
        assert users.shape[1] % DIM == 0
        assert (len(users), len(items)) == (N_USERS, N_ITEMS)

    def test_inference_is_deterministic(self, backbone):
        model = build(backbone).eval()
        for first, second in zip(model()[:2], model()[:2], strict=True):
            assert torch.equal(first, second)

    def test_every_embedding_is_trained(self, backbone):
        model = build(backbone).eval()
        users, items, _ = model()
        (users.square().sum() + items.square().sum()).backward()
        named = dict(model.named_parameters())
        # DualGNN and DRAGON have no item ID embeddings.
        for name in named.keys() & {"user_embeddings", "item_embeddings"}:
            assert (named[name].grad.abs().sum(1) > 0).all()

    def test_weights_come_from_the_stream(self, backbone):
        first, again, other = build(backbone), build(backbone), build(backbone, seed=1)
        assert torch.equal(first.user_embeddings, again.user_embeddings)
        assert not torch.equal(first.user_embeddings, other.user_embeddings)

    def test_own_loss_is_a_finite_scalar(self, backbone):
        model = build(backbone)
        model.start_epoch(torch.Generator().manual_seed(0))
        loss = model.own_loss(step(model, Batch(*(torch.arange(5) for _ in range(3)))))
        assert model.trains_on_negatives or loss is not None
        assert loss is None or (loss.dim() == 0 and loss.isfinite())

    def test_the_layers_mean_is_the_representation(self, backbone):
        model = build(backbone).eval()
        output, layers = model.layered()
        torch.testing.assert_close(torch.cat(output[:2]), layers.mean(0))
        torch.testing.assert_close(torch.cat(model()[:2]), layers.mean(0), atol=1e-6, rtol=1e-5)

    def test_rows_are_those_of_the_whole(self, backbone):
        model = build(backbone).eval()
        rows = Rows(torch.tensor([4, 0, 7]), torch.tensor([2, 9]))
        part, whole = model(rows=rows), model()
        torch.testing.assert_close(part.users, whole.users[rows.users], atol=1e-6, rtol=1e-5)
        torch.testing.assert_close(part.items, whole.items[rows.items], atol=1e-6, rtol=1e-5)

    def test_the_fusion_hook_is_used_where_it_is_offered(self, backbone):
        model = build(backbone).eval()
        seen = []

        def hook(ids, higher_order, wanted):
            seen.append(higher_order(None).shape)
            return no_fusion(ids, higher_order, wanted)

        with_hook = model(hook)
        assert bool(seen) == model.takes_fusion
        torch.testing.assert_close(with_hook.items, model().items)

"""Every registered backbone, without an edit here."""

import inspect
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from ccd import catalogue
from ccd.backbones.base import Batch, Rows
from ccd.backbones.untrained import Untrained
from ccd.diffusion.fusion import ego_fusion, ego_id_fusion, final_fusion
from ccd.errors import ConfigError
from ccd.graphs.engines import DglEngine, TorchEngine
from ccd.graphs.pruning import degree_pruning
from ccd.registry import components
from tests.backbones.worlds import DIM, N_ITEMS, N_USERS, dataset, small_knn, step, world

catalogue.load()
LISTS = Path(__file__).with_name("lists.tsv")


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CCD_CACHE", str(tmp_path))


def build(component, seed=0, **changes):
    slots = {"item_graph": small_knn, "pruning": degree_pruning, "file": str(LISTS)}
    wanted = inspect.signature(component.target).parameters
    settings = {name: value for name, value in slots.items() if name in wanted}
    return component.target(world(seed=seed, **changes), **settings)


def dense(representations):
    return [x.to_dense() if x.is_sparse else x for x in representations[:2]]


TRAINED = [c for c in components("backbone") if not issubclass(c.target, Untrained)]


@pytest.mark.parametrize("backbone", components("backbone"), ids=lambda c: c.name)
class TestBackbones:
    def test_representations_have_the_stated_shapes(self, backbone):
        model = build(backbone)
        model.start_epoch(torch.Generator().manual_seed(0))
        users, items, _ = model()
        assert users.shape[1] == items.shape[1]
        assert users.is_sparse == items.is_sparse
        assert (len(users), len(items)) == (N_USERS, N_ITEMS)

    def test_data_without_features_are_served_or_refused(self, backbone):
        bare = replace(dataset(), features={})
        try:
            build(backbone, data=bare)
        except ConfigError as error:
            assert f"{backbone.name} needs " in str(error)  # noqa: PT017
            assert "Experiment.backbone = @LightGCN" in str(error)  # noqa: PT017
        else:
            assert backbone.name in {"BPRMF", "ItemKNN", "LightGCN", "Popularity", "ScoreFile"}

    def test_inference_is_deterministic(self, backbone):
        model = build(backbone).eval()
        for first, second in zip(dense(model()), dense(model()), strict=True):
            assert torch.equal(first, second)

    def test_rows_are_those_of_the_whole(self, backbone):
        model = build(backbone).eval()
        rows = Rows(torch.tensor([4, 0, 7]), torch.tensor([2, 9]))
        (users, items), whole = dense(model(rows=rows)), dense(model())
        torch.testing.assert_close(users, whole[0][rows.users], atol=1e-6, rtol=1e-5)
        torch.testing.assert_close(items, whole[1][rows.items], atol=1e-6, rtol=1e-5)

    def test_saved_weights_give_the_same_inference(self, backbone):
        """No state outside them: not the last batch's, not an epoch's draw."""
        trained, fresh = build(backbone).train(), build(backbone, seed=1)
        trained.start_epoch(torch.Generator().manual_seed(0))
        trained()
        fresh.load_state_dict(trained.state_dict())
        for ours, theirs in zip(dense(trained.eval()()), dense(fresh.eval()()), strict=True):
            torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-5)

    def test_item_embeddings_are_there_where_they_are_declared(self, backbone):
        model = build(backbone)
        assert hasattr(model, "item_embeddings") == model.has_item_embeddings
        assert model.has_item_embeddings or not model.takes_fusion

    def test_what_learns_nothing_has_no_weights_and_takes_no_parts(self, backbone):
        learns = any(p.requires_grad for p in build(backbone).parameters())
        assert learns == (not issubclass(backbone.target, Untrained))
        if not learns:
            assert backbone.target.misfit(negatives=True)
            assert backbone.target.misfit(fusion=True)


@pytest.mark.parametrize("backbone", TRAINED, ids=lambda c: c.name)
class TestTrainedBackbones:
    def test_the_width_is_that_of_the_embeddings(self, backbone):
        # A backbone may put several embeddings side by side, as VBPR does.
        assert build(backbone)().users.shape[1] % DIM == 0

    def test_every_embedding_is_trained(self, backbone):
        model = build(backbone).eval()
        users, items, _ = model()
        (users.square().sum() + items.square().sum()).backward()
        tables = [model.user_embeddings]
        tables += [model.item_embeddings] if model.has_item_embeddings else []
        # MMGCN's, by default, stay where they start.
        for table in (table for table in tables if table.requires_grad):
            assert (table.grad.abs().sum(1) > 0).all()

    def test_weights_come_from_the_stream(self, backbone):
        torch.manual_seed(1)
        first = build(backbone).state_dict()
        torch.manual_seed(2)
        again, other = build(backbone).state_dict(), build(backbone, seed=1).state_dict()
        assert all(torch.equal(first[name], again[name]) for name in first)
        assert not torch.equal(first["user_embeddings"], other["user_embeddings"])

    def test_engines_agree_in_training(self, backbone):
        """Torch's engine is CUDA's path: the same loss and the same gradients."""
        batch = Batch(*(torch.arange(5) for _ in range(3)))
        results = []
        for engine in (DglEngine(), TorchEngine()):
            model = build(backbone, engine=engine).train()
            model.start_epoch(torch.Generator().manual_seed(0))
            seen = step(model, batch)
            own = model.own_loss(seen)
            loss = (seen.users * (seen.positives - seen.negatives)).sum()
            loss = loss if own is None else loss + own
            trained = [p for p in model.parameters() if p.requires_grad]
            results.append((loss, torch.autograd.grad(loss, trained, allow_unused=True)))
        torch.testing.assert_close(results[0][0], results[1][0], atol=1e-5, rtol=1e-5)
        for ours, theirs in zip(results[0][1], results[1][1], strict=True):
            assert (ours is None) == (theirs is None)
            if ours is not None:
                torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)

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

    def test_estimates_are_mixed_in_where_they_are_taken(self, backbone):
        model, items = build(backbone).eval(), torch.tensor([2, 5])
        plain, rows = model().items, Rows(torch.tensor([1]), torch.tensor([0, 2, 5]))
        assert model.takes_fusion == (backbone.target.misfit(fusion=True) is None)
        for fusion in (final_fusion, ego_fusion, ego_id_fusion):
            fused = fusion(items, torch.ones(2, DIM), 0.5)
            mixed = model(fused)
            if not model.takes_fusion:
                assert torch.equal(mixed.items, plain)
                continue
            assert not torch.allclose(mixed.items[items], plain[items])
            part, (output, layers) = model(fused, rows), model.layered(fused)
            for found, expected in (
                (part.items, mixed.items[rows.items]),
                (output.items, mixed.items),
                (torch.cat(output[:2]), layers.mean(0)),
            ):
                torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-5)

"""Every registered evaluator, trainer and update rule, without an edit here."""

import pytest
import torch

from ccd import catalogue
from ccd.backbones.base import Representations
from ccd.errors import ConfigError
from ccd.evaluation.held_out import HeldOut
from ccd.evaluation.metrics import ndcg, recall
from ccd.graphs.items_by_user import ItemsByUser
from ccd.registry import components
from ccd.training.early_stopping import EarlyStopping
from ccd.training.optimizers import adam
from ccd.training.updates import Descent
from tests.backbones.worlds import CPU, N_ITEMS, N_USERS, dataset
from tests.training.parts import FULL, experiment, train

catalogue.load()
METRICS = {"recall": recall, "ndcg": ndcg}


def family(name):
    own = [c for c in components(name) if c.target.__module__.startswith("ccd.")]
    return pytest.mark.parametrize("part", own, ids=lambda c: c.name)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CCD_CACHE", str(tmp_path))


@family("evaluator")
class TestEvaluators:
    def build(self, part, **settings):
        return part.target(metrics=METRICS, cutoffs=(2, 5), select="recall@5", **settings)

    def splits(self):
        data = dataset()
        users, items = (torch.from_numpy(a) for a in (data.train.users, data.train.items))
        seen = ItemsByUser(users, items, N_USERS, N_ITEMS)
        return HeldOut(data.test, N_USERS, N_ITEMS, CPU), seen, data

    def test_every_held_out_user_and_every_metric_is_measured(self, part):
        held_out, seen, data = self.splits()
        rng = torch.Generator().manual_seed(0)
        shown = Representations(*(torch.randn(n, 4, generator=rng) for n in (N_USERS, N_ITEMS)))
        found = self.build(part).evaluate(shown, held_out, seen)
        assert found.users.tolist() == sorted(set(data.test.users.tolist()))
        assert set(found.per_user) == {f"{name}@{k}" for name in METRICS for k in (2, 5)}
        for name, values in found.per_user.items():
            assert values.shape == found.users.shape
            assert ((values >= 0) & (values <= 1 + 1e-6)).all()
            assert found.means[name] == pytest.approx(values.double().mean().item())

    def test_the_truth_is_ranked_first_and_seen_items_never(self, part):
        held_out, seen, data = self.splits()
        truth = torch.zeros(N_USERS, N_ITEMS)
        truth[data.test.users, data.test.items] = 1
        truth[data.train.users, data.train.items] = 9
        found = self.build(part).evaluate(
            Representations(truth, torch.eye(N_ITEMS)), held_out, seen
        )
        assert found.means["ndcg@5"] == pytest.approx(1.0)

    def test_small_blocks_change_nothing(self, part):
        held_out, seen, _ = self.splits()
        rng = torch.Generator().manual_seed(0)
        shown = Representations(*(torch.randn(n, 4, generator=rng) for n in (N_USERS, N_ITEMS)))
        whole = self.build(part).evaluate(shown, held_out, seen)
        blocks = self.build(part, block_cells=1).evaluate(shown, held_out, seen)
        assert all(torch.equal(whole.per_user[k], blocks.per_user[k]) for k in whole.per_user)

    def test_what_cannot_be_measured_is_refused(self, part):
        with pytest.raises(ConfigError, match="'recall@20' is not evaluated"):
            part.target(metrics=METRICS, cutoffs=(5,), select="recall@20")
        with pytest.raises(ConfigError, match="largest legal value is 4"):
            self.build(part).check(4)


@family("trainer")
class TestTrainers:
    def built(self, part, **settings):
        built = experiment(**FULL)
        slots = {"optimizer": adam, "stopping": EarlyStopping, "update": Descent}
        built.trainer = part.target(**{**slots, "epochs": 5, "batch_size": 64, **settings})
        return built

    def fit(self, part, seed=1, **settings):
        return train(self.built(part, **settings), seed)

    def test_epochs_are_told_in_order_and_the_best_is_kept(self, part):
        outcome, epochs = self.fit(part)
        assert [e.index for e in epochs] == list(range(len(epochs)))
        best = max(epochs, key=lambda e: e.valid["recall@5"])
        assert outcome.trained.best_epoch == best.index
        assert outcome.trained.valid == best.valid
        assert len(epochs) <= 5

    def test_it_is_driven_epoch_by_epoch(self, part):
        _, whole = self.fit(part)
        built = self.built(part)
        with built.start(dataset(), 1) as training:
            first = training.step()
            second = next(iter(training))
            rest = list(training)  # taken up where it was left
        assert [e.losses for e in (first, second, *rest)] == [e.losses for e in whole]
        assert training.n_epochs == len(whole)
        assert training.finished
        assert training.trained.best_epoch == rest[-1].best_epoch
        with pytest.raises(RuntimeError, match="finished after 5 epochs"):
            training.step()

    def test_before_the_first_evaluation_there_is_no_model(self, part):
        with self.built(part, evaluate_every=2).start(dataset(), 1) as training:
            assert training.step().valid is None
            with pytest.raises(RuntimeError, match="no epoch has been evaluated yet"):
                _ = training.trained
            assert training.step().valid == training.trained.valid

    def test_losses_are_finite_and_add_up(self, part):
        for epoch in self.fit(part)[1]:
            terms = [value for name, value in epoch.losses.items() if name != "total"]
            assert sum(terms) == pytest.approx(epoch.losses["total"], rel=1e-5)

    def test_weights_and_representations_are_one_state(self, part):
        trained = self.fit(part)[0].trained
        assert len(trained.representations.users) == N_USERS
        assert len(trained.representations.items) == N_ITEMS
        assert trained.weights["backbone.item_embeddings"].shape[0] == N_ITEMS
        assert not any(tensor.requires_grad for tensor in trained.weights.values())

    def test_the_seed_decides(self, part):
        first, again, other = (self.fit(part, seed, epochs=2)[0].trained for seed in (1, 1, 2))
        assert torch.equal(first.representations.items, again.representations.items)
        assert not torch.equal(first.representations.items, other.representations.items)

    def test_one_epoch_is_enough_to_leave_a_model(self, part):
        outcome, epochs = self.fit(part, epochs=1, evaluate_every=10)
        assert len(epochs) == 1
        assert epochs[0].valid is not None
        assert outcome.test.means["recall@5"] >= 0


@family("update")
class TestUpdates:
    def run(self, part, n_batches=30):
        weight = torch.nn.Parameter(torch.tensor([3.0, -2.0]))
        optimizer = torch.optim.SGD([weight], lr=0.05)

        def terms():
            return {"a": weight.square().sum(), "b": 0.5 * weight.sum()}

        update = part.target()
        return [update(optimizer, terms, index) for index in range(n_batches)]

    def test_it_descends(self, part):
        seen = self.run(part)
        assert sum(seen[-1].values()) < sum(seen[0].values())

    def test_it_returns_the_terms_before_the_update_without_a_graph(self, part):
        first = self.run(part, 1)[0]
        assert {name: term.item() for name, term in first.items()} == {"a": 13.0, "b": 0.5}
        assert not any(term.requires_grad for term in first.values())

    def test_it_works_with_every_part_of_ccdrec(self, part):
        def losses(seed):
            parts = experiment(**FULL, trainer={"update": part.target, "epochs": 3})
            return [epoch.losses for epoch in train(parts, seed)[1]]

        assert losses(1) == losses(1) != losses(2)
        assert set(losses(1)[0]) == {"random", "hard", "diffusion", "total"}


def test_the_module_mg_mirrors_any_variant(tmp_path):
    from ccd.config.recipe import load_recipe

    path = tmp_path / "mg.gin"
    path.write_text(
        "include 'gin/base.gin'\ninclude 'gin/backbones/freedom.gin'\n"
        "Ablation.variants = {'FREEDOM': [], 'MG': ['mg'], 'all': ['dma', 'ndi', 'cns', 'mg'],\n"
        "    'SLMRec': ['gin/backbones/slmrec.gin', 'mg']}\n"
    )
    graphs = load_recipe(path).graphs
    used = {name: graph.root["trainer"].value["update"].value.key for name, graph in graphs.items()}
    assert used == {
        "FREEDOM": "Descent", "MG": "MirrorGradient", "all": "MirrorGradient",
        "SLMRec": "MirrorGradient",
    }  # fmt: skip
    for graph in graphs.values():
        graph.factory()()

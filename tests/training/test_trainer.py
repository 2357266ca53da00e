from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from ccd.backbones.bpr_mf import BPRMF
from ccd.backbones.lightgcn import LightGCN
from ccd.errors import ConfigError, NumericError
from ccd.negative_source import NegativeSource
from ccd.negatives.base import ItemNegatives, MadeUpNegatives
from ccd.negatives.uniform import UniformSampler
from ccd.training import trainer
from ccd.training.early_stopping import EarlyStopping
from ccd.training.optimizers import adam
from ccd.training.updates import Descent
from tests.backbones.worlds import dataset
from tests.training.parts import CNS, DMA, FULL, experiment, train


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CCD_CACHE", str(tmp_path))


def losses(epochs, *names):
    return [[epoch.losses.get(name) for name in names] for epoch in epochs]


def test_the_loss_falls_and_the_best_epoch_is_kept():
    outcome, epochs = train(experiment(**FULL, trainer={"epochs": 40, "learning_rate": 0.02}))
    assert epochs[-1].losses["random"] < epochs[0].losses["random"]
    best = max(epochs, key=lambda e: e.valid["recall@5"])
    assert outcome.trained.best_epoch == best.index
    assert outcome.trained.valid == best.valid
    assert set(outcome.test.means) == {"recall@5", "ndcg@5"}


def test_same_seed_same_numbers_to_the_last_digit():
    first, first_epochs = train(experiment(**FULL))
    second, second_epochs = train(experiment(**FULL))
    assert losses(first_epochs, "total") == losses(second_epochs, "total")
    assert first.test.means == second.test.means
    assert all(
        torch.equal(first.trained.weights[k], second.trained.weights[k])
        for k in first.trained.weights
    )
    _, other = train(experiment(**FULL), seed=2)
    assert losses(first_epochs, "total") != losses(other, "total")


def test_without_weight_the_parts_reproduce_freedom_bit_for_bit():
    """mu = 0, omega = 0, lambda = 0 at the final site: spec check 4."""
    plain, plain_epochs = train(experiment())
    idle, idle_epochs = train(
        experiment(
            aligner=partial(DMA, fusion_weight=0.0),
            loss={"hard_weight": 0.0, "diffusion_weight": 0.0},
        )
    )
    assert losses(plain_epochs, "random") == losses(idle_epochs, "random")
    assert plain.test.means == idle.test.means


def test_at_the_ego_site_even_weight_zero_is_not_freedom():
    from ccd.diffusion.fusion import ego_fusion

    _, plain = train(experiment())
    idle = partial(DMA, fusion=ego_fusion, fusion_weight=0.0)
    _, ego = train(experiment(aligner=idle, loss={"hard_weight": 0.0, "diffusion_weight": 0.0}))
    assert losses(plain, "random") != losses(ego, "random")


def test_adding_a_part_changes_no_other_stream():
    """The first batch's random loss sees the same weights, graph, order and negatives."""
    first = {"trainer": {"epochs": 1, "batch_size": 10_000}, "loss": {"hard_weight": 0.5}}
    _, without = train(experiment(**first))
    _, uniform = train(experiment(**first, sampler=UniformSampler))
    # With a sampler the term is weighted by 1 - omega.
    assert uniform[0].losses["random"] == pytest.approx(without[0].losses["random"] / 2, rel=1e-6)


def test_the_curriculum_is_told_epoch_by_epoch():
    _, epochs = train(experiment(**FULL))
    assert [e.source.label for e in epochs] == ["random", "pool 2/4", "pool 3/4", "pool 4/4"] + [
        "final"
    ] * 2


def test_pools_of_the_untrained_model():
    eager = {**FULL, "sampler": partial(CNS, first_epoch="pool")}
    _, epochs = train(experiment(**eager))
    assert epochs[0].source == NegativeSource.of_pool(1, 4)


def test_a_loss_that_is_not_finite_is_refused():
    with pytest.raises(
        NumericError, match="became nan in epoch .*\n.*\n.*lower Trainer.learning_rate"
    ):
        train(experiment(**FULL, trainer={"learning_rate": 1e30}))


def test_weights_that_break_in_the_last_step_are_refused_though_its_loss_was_finite():
    broken = {"learning_rate": 1e30, "epochs": 1, "batch_size": 4096}
    with pytest.raises(NumericError, match="scores are not finite after epoch 0"):
        train(experiment(trainer=broken))


def test_each_seed_has_an_update_rule_of_its_own():
    made = []

    class Counted(Descent):
        def __init__(self):
            made.append(self)
            self.steps = 0

        def __call__(self, optimizer, terms, index):
            self.steps += 1
            return super().__call__(optimizer, terms, index)

    both = experiment(trainer={"update": Counted, "epochs": 2})
    for seed in (1, 2):
        train(both, seed=seed)
    # The first is made to refuse wrong settings early.
    assert made[0].steps == 0
    assert made[1].steps == made[2].steps > 0


def test_missing_partners_are_refused():
    with pytest.raises(ConfigError, match="pools need an aligner"):
        train(experiment(pools=FULL["pools"]))
    with pytest.raises(ConfigError, match="it reads NDI's reverse steps"):
        train(experiment(aligner=DMA, sampler=CNS))


def test_dma_without_a_modality_is_refused_before_training():
    bare = replace(dataset(), features={})
    with pytest.raises(ConfigError, match="data set 'tiny' has none.*drop module 'dma'"):
        experiment(backbone=LightGCN, aligner=DMA).assemble(bare, 1)


class Ported(BPRMF):
    """As in toolboxes whose models always return everything."""

    def forward(self, fusion=None, rows=None):
        return super().forward(fusion)


class Unfilled(BPRMF):
    def __init__(self, world):
        super().__init__(world)
        self.bias = torch.nn.Parameter(torch.full((3,), torch.nan))


def test_a_backbone_that_ignores_the_rows_is_refused():
    with pytest.raises(
        ConfigError, match="Ported.forward must return .* 26 users and 25 items .*, got 30"
    ):
        train(experiment(backbone=Ported))


def test_a_backbone_without_initial_weights_is_refused():
    with pytest.raises(ConfigError, match="Unfilled left 'bias' without initial weights"):
        train(experiment(backbone=Unfilled))


@pytest.mark.parametrize("index", [-1, 5, 1.5])
def test_a_curriculum_that_leaves_its_pools_is_refused(index):
    lost = {**FULL, "sampler": partial(CNS, curriculum=lambda epoch, n_pools: index)}
    with pytest.raises(ConfigError, match=rf"whole number from 0 to 4, got {index} in epoch 1"):
        train(experiment(**lost))


def test_a_curriculum_may_count_in_numpy():
    pools = {**FULL, "sampler": partial(CNS, curriculum=lambda epoch, n_pools: np.int64(1))}
    _, epochs = train(experiment(**pools, trainer={"epochs": 2}))
    assert epochs[1].source == NegativeSource.of_pool(2, 4)


def test_putting_triplets_in_order_by_parts_changes_no_batch(monkeypatch):
    made = experiment(**FULL, trainer={"batch_size": 16, "epochs": 2})
    _, whole = train(made)
    monkeypatch.setattr(trainer, "_BATCHES_AT_ONCE", 2)
    _, by_parts = train(made)
    assert losses(by_parts, "total") == losses(whole, "total")


def test_the_learning_rate_decays():
    _, constant = train(experiment(**FULL))
    _, decayed = train(experiment(**FULL, trainer={"decay": 0.5, "decay_every": 1}))
    assert losses(constant[:1], "total") == losses(decayed[:1], "total")
    assert losses(constant[1:], "total") != losses(decayed[1:], "total")


def test_rare_evaluation_still_evaluates_the_last_epoch():
    _, epochs = train(experiment(trainer={"evaluate_every": 4}))
    assert [e.valid is not None for e in epochs] == [False, False, False, True, False, True]


@pytest.mark.parametrize("backbone", ["BPRMF", "LightGCN", "FREEDOM"])
def test_the_reported_representations_are_those_of_the_best_epoch(backbone):
    """A backbone that returns its parameters must not be scored with later ones."""
    from ccd.evaluation.held_out import HeldOut
    from ccd.registry import find

    stopping = partial(EarlyStopping, patience=3)
    built = experiment(trainer={"epochs": 200, "learning_rate": 0.05, "stopping": stopping})
    if backbone != "FREEDOM":
        built.backbone = find(backbone).target
    outcome, epochs = train(built)
    assert outcome.trained.best_epoch < epochs[-1].index
    data = dataset()
    seen = built._train_pairs(data)[2].seen
    held_out = HeldOut(data.valid, data.n_users, data.n_items, torch.device("cpu"))
    again = built.evaluator.evaluate(outcome.trained.representations, held_out, seen)
    assert again.means == outcome.trained.valid


def test_hard_negatives_do_not_wait_for_evaluations():
    """With random negatives in both terms the weighted losses would be equal."""
    loss = {"hard_weight": 0.5, "diffusion_weight": 0.0}
    rare = {"evaluate_every": 5, "learning_rate": 0.05, "epochs": 5}
    _, epochs = train(experiment(**FULL, loss=loss, trainer=rare))
    assert epochs[0].losses["random"] == epochs[0].losses["hard"]
    for epoch in epochs[1:]:
        assert epoch.source.kind != "random"
        assert epoch.losses["random"] != epoch.losses["hard"]


def test_every_step_is_in_training_mode(monkeypatch):
    from ccd.training.recommender import Recommender

    modes, step = [], Recommender.step
    monkeypatch.setattr(
        Recommender, "step", lambda self, *a: modes.append(self.training) or step(self, *a)
    )
    train(experiment(**{**FULL, "sampler": partial(CNS, first_epoch="pool")}))
    assert modes
    assert all(modes)


def test_threads_are_restored():
    before = torch.get_num_threads()
    train(experiment(threads=before + 1))
    assert torch.get_num_threads() == before


@pytest.mark.parametrize(
    ("wrong", "found"),
    [
        (lambda ids: ItemNegatives(ids[1:]), r"\[63\] torch.int64 as ItemNegatives"),
        (lambda ids: ItemNegatives(ids.int()), r"\[64\] torch.int32 as ItemNegatives"),
        (lambda ids: ItemNegatives(ids[:, None]), r"\[64, 1\] torch.int64 as ItemNegatives"),
        (lambda ids: MadeUpNegatives(torch.rand(63, 8)), r"\[63, 8\] torch.float32 as MadeUp"),
        (lambda ids: MadeUpNegatives(torch.rand(64)), r"\[64\] torch.float32 as MadeUpNegatives"),
        (lambda ids: MadeUpNegatives(ids[:, None]), r"\[64, 1\] torch.int64 as MadeUpNegatives"),
        (lambda ids: ids, "a Tensor; return ItemNegatives"),
    ],
)
def test_a_sampler_without_one_negative_per_triplet_is_refused(wrong, found):
    class Careless(UniformSampler):
        def sample(self, users, positives, negatives, context):
            return wrong(negatives)

    with pytest.raises(ConfigError, match=f"Careless.sample .* 64 triplets, got {found}"):
        train(experiment(sampler=Careless))


@pytest.mark.parametrize("share", [1.0, 0.1])
def test_a_sampler_that_returns_positives_is_refused(share):
    class Confused(UniformSampler):
        def sample(self, users, positives, negatives, context):
            wrong = torch.arange(len(users)) < share * len(users)
            return ItemNegatives(positives.where(wrong, negatives))

    says = r"Confused.sample must return no training positive .*, got \d+ of 64 in a batch"
    with pytest.raises(ConfigError, match=says):
        train(experiment(sampler=Confused))


def test_positives_are_found_in_any_epoch():
    class Late(UniformSampler):
        def sample(self, users, positives, negatives, context):
            return ItemNegatives(positives if context.epoch == 3 else negatives)

    built = experiment(sampler=Late)
    with built.start(dataset(), 1) as training:
        for _ in range(3):
            training.step()
        with pytest.raises(ConfigError, match="got 64 of 64 in a batch"):
            training.step()


def test_a_sampler_may_make_up_rows_without_looking_at_layers():
    class Constant(UniformSampler):
        def sample(self, users, positives, negatives, context):
            return MadeUpNegatives(torch.full((len(users), 8), 0.1))

    _, epochs = train(experiment(sampler=Constant, loss={"hard_weight": 0.5}))
    assert all(epoch.losses["hard"] > 0 for epoch in epochs)


def test_what_a_probe_measures_is_told_epoch_by_epoch():
    from ccd.negatives.probe import NegativeProbe

    _, epochs = train(experiment(sampler=UniformSampler, probe=NegativeProbe))
    assert all(0 < epoch.negatives["hard_gradient"] < 1 for epoch in epochs)
    _, epochs = train(experiment(sampler=UniformSampler))
    assert [epoch.negatives for epoch in epochs] == [None] * 6


def test_the_penalty_is_weight_decay_by_the_number_of_training_pairs():
    n_pairs = len(dataset().train)
    kept = []
    for decay, l2_reg in ((0.5 / n_pairs, 0.0), (0.0, 0.5), (0.0, 0.0)):
        optimizer = partial(adam, weight_decay=decay)
        trainer = {"epochs": 3, "optimizer": optimizer, "l2_reg": l2_reg}
        kept.append(losses(train(experiment(trainer=trainer))[1], "total"))
    assert kept[0] == kept[1] != kept[2]


def test_the_penalty_needs_an_optimizer_with_weight_decay():
    with pytest.raises(ConfigError, match=r"l2_reg needs an optimiser with .* which Rprop does"):
        train(experiment(trainer={"optimizer": torch.optim.Rprop, "l2_reg": 0.5}))

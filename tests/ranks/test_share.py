"""The parts of all ranks add up to what a single process computes, whatever their number."""

from functools import partial

import pytest
import torch

from ccd import catalogue
from ccd.backbones.base import Batch
from ccd.backbones.untrained import Untrained
from ccd.cli.run import _refuse_both
from ccd.diffusion.estimators import AttentionEstimator
from ccd.errors import ConfigError
from ccd.losses.mix import LossMix
from ccd.losses.shared import SharedRows, sampled_softmax
from ccd.negatives.pools import DiffusionPools
from ccd.negatives.uniform import UniformSampler
from ccd.ranks.share import ALONE, EVERYTHING, Ranks, splits
from ccd.recipe_run import _refuse_unsplit
from ccd.registry import components
from ccd.training.updates import Descent
from tests.backbones.worlds import CPU, dataset
from tests.contracts.test_resuming import filled
from tests.training.parts import BACKBONE, DMA, experiment

catalogue.load()


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CCD_CACHE", str(tmp_path))


def family(name):
    own = [c for c in components(name) if c.target.__module__.startswith("ccd.")]
    return pytest.mark.parametrize("part", own, ids=lambda c: c.name)


def all_ranks(size):
    return [Ranks(size, rank) for rank in range(size)]


@pytest.mark.parametrize("size", [2, 3, 7])
@pytest.mark.parametrize("n", [1, 2, 6, 7, 64])
def test_shares_are_all_rows_once_or_everybody_has_all(size, n):
    shares = [ranks.share(n) for ranks in all_ranks(size)]
    rows = [share.of(torch.arange(n)).tolist() for share in shares]
    assert all(rows)
    if n < size:
        assert rows == [list(range(n))] * size
    else:
        assert [row for own in rows for row in own] == list(range(n))
    means = [
        share.part(torch.tensor(own).float().mean())
        for share, own in zip(shares, rows, strict=True)
    ]
    assert sum(means).item() == pytest.approx((n - 1) / 2)
    assert all(
        ranks.whole.of(torch.arange(n)).tolist() == list(range(n)) for ranks in all_ranks(size)
    )


def test_a_single_process_does_everything_and_its_tables_are_not_copied():
    table = torch.arange(3.0)
    assert ALONE.share(3) is ALONE.whole is EVERYTHING
    assert ALONE.share(3).of(table) is table is ALONE.gathered(EVERYTHING, table, 3)
    assert EVERYTHING.part(table) is table is ALONE.total(table)


def one_step(ranks, build):
    """The terms and gradients of one step in one process, and where its streams are afterwards."""
    with build().start(dataset(), 1, ranks=ranks) as training:
        model = training.model
        model.reverse(0)
        model.infer()
        model.start_epoch(1)
        users, items = training._users[:50], training._items[:50]
        negatives = training._random_negatives.draw(users, training.negative_rng)
        batch = Batch(users, items, negatives)
        terms = model.step(batch, 1)
        torch.stack(list(terms.values())).sum().backward()
        terms = {name: term.detach() for name, term in terms.items()}
        grads = {n: w.grad for n, w in model.named_parameters() if w.grad is not None}
        return terms, grads, training.streams.state()["generators"]


def check(build, size=3):
    whole = one_step(ALONE, build)
    parts = [one_step(ranks, build) for ranks in all_ranks(size)]
    for kind in (0, 1):
        assert all(part[kind].keys() == whole[kind].keys() for part in parts)
        for name, value in whole[kind].items():
            total = sum(part[kind][name] for part in parts)
            torch.testing.assert_close(total, value, rtol=2e-4, atol=2e-6, msg=name)
    for part in parts:
        assert all(torch.equal(part[2][name], state) for name, state in whole[2].items())


class WholeEstimator(AttentionEstimator):
    """It does not say that it splits, so that nothing has to be gathered."""


WHOLE_DMA = partial(DMA, estimator=WholeEstimator)


@family("backbone")
def test_backbones(part):
    if issubclass(part.target, Untrained):
        pytest.skip("has nothing to train")
    sampler = None if part.target.misfit(negatives=True) else UniformSampler
    check(lambda: experiment(backbone=filled(part), sampler=sampler))


class Contrasting(BACKBONE.func):
    """It says that it splits, and compares the users of a batch."""

    splits = True

    def own_loss(self, step):
        return contrast(step.users, None, None, None)


def test_a_backbone_that_says_wrongly_that_it_splits_is_found():
    backbone = partial(Contrasting, **BACKBONE.keywords)
    with pytest.raises(AssertionError):
        check(lambda: experiment(backbone=backbone))
    del Contrasting.splits
    check(lambda: experiment(backbone=backbone))


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@family("sampler")
def test_samplers(part, reduction):
    parts = {"backbone": BACKBONE, "aligner": WHOLE_DMA, "pools": DiffusionPools}
    loss = {"shared": sampled_softmax, "reduction": reduction, "hard_weight": 0.5}
    check(lambda: experiment(**parts, sampler=filled(part), loss=loss))


@family("shared_loss")
def test_shared_losses(part):
    sampler = next(c for c in components("sampler") if c.name == "SharedSampler")
    loss = {"shared": part.target, "hard_weight": 1.0}
    check(lambda: experiment(sampler=filled(sampler), loss=loss))


@family("estimator")
def test_estimators_that_split_estimate_each_row_by_itself(part):
    rng = torch.Generator().manual_seed(1)
    estimator = part.target(64, 2, rng, CPU).eval()
    assert splits(estimator)
    x, condition = torch.randn(10, 64, generator=rng), torch.randn(10, 2, 64, generator=rng)
    timesteps = torch.arange(10)
    before = rng.get_state()
    whole = estimator(x, timesteps, estimator.encode(condition))
    for ranks in all_ranks(3):
        of = ranks.share(10).of
        torch.testing.assert_close(
            estimator(of(x), of(timesteps), estimator.encode(of(condition))),
            of(whole),
            rtol=1e-4,
            atol=1e-5,
        )
    assert torch.equal(rng.get_state(), before)


def test_a_unet_that_drops_out_is_not_shared():
    unet = next(c for c in components("estimator") if c.name == "UNetEstimator").target
    rng = torch.Generator().manual_seed(1)
    assert not splits(unet(64, 2, rng, CPU, dropout=0.1))
    assert splits(unet(64, 2, rng, CPU, dropout=0.0))


def test_a_derived_class_has_to_say_itself_that_it_splits():
    freedom = BACKBONE.func
    assert splits(object.__new__(freedom))
    assert not splits(object.__new__(type("Contrasting", (freedom,), {})))
    assert splits(object.__new__(type("Alike", (freedom,), {"splits": True})))
    assert not splits(len)


def contrast(users, positives, negatives, log_weights):
    """Looks across the batch."""
    return (users @ users.T).softmax(dim=1).diagonal().log().mean().neg()


def test_a_shared_loss_that_compares_triplets_is_refused():
    rng = torch.Generator().manual_seed(1)
    users, positives, negatives = (torch.randn(8, 4, generator=rng) for _ in range(3))
    ranked = (users, positives, positives)
    shared = SharedRows(negatives, torch.zeros(8, 8))
    mix = LossMix(shared=contrast, hard_weight=1.0)
    assert set(mix(ranked, shared, None, None)) == {"hard"}
    with pytest.raises(ConfigError, match="compares the triplets of a batch"):
        mix(ranked, shared, None, None, Ranks(2, 0).share(16))
    fine = LossMix(shared=sampled_softmax, hard_weight=1.0)
    assert set(fine(ranked, shared, None, None, Ranks(2, 0).share(16))) == {"hard"}


class Clipping(Descent):
    """It may look at gradients before they are summed: it does not say that it splits."""


def test_an_update_that_does_not_say_that_it_splits_is_refused():
    _refuse_unsplit(experiment())
    with pytest.raises(ConfigError, match="Clipping does not say that it can be used by several"):
        _refuse_unsplit(experiment(trainer={"update": Clipping}))


def test_workers_in_processes_of_torchrun_are_refused(monkeypatch):
    _refuse_both(2)
    for name, value in (("TORCHELASTIC_RUN_ID", "1"), ("RANK", "0"), ("WORLD_SIZE", "2")):
        monkeypatch.setenv(name, value)
    _refuse_both(1)
    with pytest.raises(ConfigError, match="--workers shares out runs"):
        _refuse_both(2)

import numpy as np
import pytest
import torch

from ccd.ablation import run
from ccd.backbones.base import Representations
from ccd.datasets.dataset import Interactions
from ccd.evaluation.held_out import FEWEST_USERS, SAMPLE_CELLS, HeldOut, enough_users
from ccd.evaluation.metrics import recall
from ccd.evaluation.ranking import FullRanking
from ccd.graphs.items_by_user import ItemsByUser
from tests.interruptions import Told

CPU = torch.device("cpu")
N_USERS, N_ITEMS = 40, 30


def held_out():
    rng = np.random.default_rng(0)
    keys = rng.choice(N_USERS * N_ITEMS, 150, replace=False)
    return HeldOut(Interactions(keys // N_ITEMS, keys % N_ITEMS), N_USERS, N_ITEMS, CPU)


def test_a_sample_is_always_of_the_same_users_with_the_metrics_that_they_have_among_all():
    every, rng = held_out(), torch.Generator().manual_seed(0)
    found = every.sample(12)
    assert torch.equal(found.users, every.sample(12).users)
    assert len(found.users) == 12
    assert set(found.users.tolist()) < set(every.users.tolist())
    reprs = Representations(
        torch.randn(N_USERS, 4, generator=rng), torch.randn(N_ITEMS, 4, generator=rng)
    )
    nothing = torch.empty(0, dtype=torch.int64)
    seen = ItemsByUser(nothing, nothing, N_USERS, N_ITEMS)
    evaluator = FullRanking(metrics={"recall": recall}, cutoffs=(5,), select="recall@5")
    whole = evaluator.evaluate(reprs, every, seen)
    part = evaluator.evaluate(reprs, found, seen)
    rows = torch.searchsorted(whole.users, part.users)
    assert torch.equal(part.per_user["recall@5"], whole.per_user["recall@5"][rows])


def test_data_of_the_usual_size_are_validated_whole():
    every = held_out()
    evaluator = FullRanking(metrics={"recall": recall})
    assert evaluator.of_validation(every, N_ITEMS) is every
    assert enough_users(18_357) > 35_598  # Amazon Sports
    assert enough_users(SAMPLE_CELLS) == FEWEST_USERS


@pytest.mark.parametrize("asked", [None, 100])
def test_a_run_says_that_it_validates_for_some_users_only(tmp_path, asked):
    told = Told()
    results = run(
        "recipes/ablation_freedom.gin",
        only=["FREEDOM"],
        seeds=[1],
        bindings=["Trainer.epochs = 1", f"FullRanking.validation_users = {asked}"],
        out=tmp_path / "run",
        observer=told,
    )
    notes = [note for note in told.notes if "FullRanking.validation_users" in note]
    assert len(notes) == (asked is not None)
    assert all(note.startswith("validation ranks for 100 of 1,500 users") for note in notes)
    assert len(results.per_user()) > 1400  # the test is of all

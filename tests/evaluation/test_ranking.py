import numpy as np
import pytest
import torch

from ccd.backbones.base import Representations
from ccd.datasets.dataset import Interactions
from ccd.errors import ConfigError
from ccd.evaluation.held_out import HeldOut
from ccd.evaluation.metrics import ndcg, recall
from ccd.evaluation.ranking import FullRanking
from ccd.graphs.items_by_user import ItemsByUser

CPU = torch.device("cpu")
N_USERS, N_ITEMS = 25, 60


@pytest.fixture
def world():
    rng = np.random.default_rng(0)
    keys = rng.choice(N_USERS * N_ITEMS, 300, replace=False)
    train, held = keys[:220], keys[220:]
    held = held[np.isin(held // N_ITEMS, train // N_ITEMS)]
    generator = torch.Generator().manual_seed(0)
    reprs = Representations(
        torch.randn(N_USERS, 8, generator=generator), torch.randn(N_ITEMS, 8, generator=generator)
    )
    seen = ItemsByUser(
        torch.from_numpy(train // N_ITEMS), torch.from_numpy(train % N_ITEMS), 25, 60
    )
    held_out = HeldOut(Interactions(held // N_ITEMS, held % N_ITEMS), N_USERS, N_ITEMS, CPU)
    return reprs, seen, held_out, train, held


def evaluator(**settings):
    defaults = {"metrics": {"recall": recall, "ndcg": ndcg}, "cutoffs": (5, 20)}
    return FullRanking(**{**defaults, **settings})


def by_hand(reprs, train, held, k):
    """Recall@k by a loop over users."""
    values = {}
    for user in sorted(set((held // N_ITEMS).tolist())):
        scores = (reprs.items @ reprs.users[user]).clone()
        scores[train[train // N_ITEMS == user] % N_ITEMS] = -1e10
        top = set(scores.topk(k).indices.tolist())
        relevant = set((held[held // N_ITEMS == user] % N_ITEMS).tolist())
        values[user] = len(top & relevant) / len(relevant)
    return values


@pytest.mark.parametrize("block_cells", [1, 130, 8_000_000])
def test_full_ranking_equals_a_loop_over_users(world, block_cells):
    reprs, seen, held_out, train, held = world
    measured = evaluator(block_cells=block_cells).evaluate(reprs, held_out, seen)
    expected = by_hand(reprs, train, held, 5)
    assert measured.users.tolist() == list(expected)
    assert measured.per_user["recall@5"].tolist() == pytest.approx(list(expected.values()))
    assert measured.means["recall@5"] == pytest.approx(np.mean(list(expected.values())))


def test_a_cutoff_beyond_the_catalogue_is_refused():
    with pytest.raises(ConfigError, match="largest legal value is 60"):
        evaluator(cutoffs=(5, 20, 500)).check(N_ITEMS)
    evaluator(cutoffs=(5, 20, 60)).check(N_ITEMS)


def test_the_selecting_metric_must_be_evaluated():
    with pytest.raises(ConfigError, match="'recall@10' is not evaluated; choose one of recall@5"):
        evaluator(select="recall@10")


def test_what_a_user_has_seen_never_fills_up_a_list():
    train_users, train_items = torch.zeros(58, dtype=torch.int64), torch.arange(58)
    seen = ItemsByUser(train_users, train_items, 2, N_ITEMS)
    generator = torch.Generator().manual_seed(0)
    reprs = Representations(
        torch.randn(2, 8, generator=generator), torch.randn(N_ITEMS, 8, generator=generator)
    )
    # User 0's last item is the key before user 1's first: -1 must not be taken for it.
    held = Interactions(np.array([0, 1]), np.array([59, 3]))
    held_out = HeldOut(held, 2, N_ITEMS, CPU)
    (_, ranked), *_ = evaluator().lists(reprs, torch.tensor([0, 1]), seen)
    assert sorted(ranked[0].tolist()) == [-1] * 18 + [58, 59]
    assert sorted(ranked[0, :2].tolist()) == [58, 59]
    assert len(set(ranked[1].tolist())) == 20
    measured = evaluator().measure(torch.full_like(ranked, -1), held_out)
    assert set(measured.means.values()) == {0.0}

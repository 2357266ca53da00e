import logging

import numpy as np
import pytest
import torch

from ccd import blocks
from ccd.backbones.base import Representations
from ccd.blocks import by_blocks, is_out_of_memory
from ccd.datasets.dataset import Interactions
from ccd.evaluation import ranking
from ccd.evaluation.held_out import HeldOut
from ccd.evaluation.metrics import recall
from ccd.evaluation.ranking import FullRanking, best_items
from ccd.graphs import nearest
from ccd.graphs.items_by_user import ItemsByUser

FULL = [
    MemoryError(),
    torch.cuda.OutOfMemoryError("CUDA out of memory"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory"),
]


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch):
    monkeypatch.setattr(blocks, "_said", set())


def holding(most, work, error=FULL[0]):
    """``work`` on a machine that has room for ``most`` rows."""
    sizes = []

    def limited(rows, *more):
        if len(rows) > most:
            raise error
        sizes.append(len(rows))
        return work(rows, *more)

    return limited, sizes


@pytest.mark.parametrize("error", FULL, ids=lambda error: type(error).__name__)
def test_a_block_that_memory_does_not_suffice_for_is_halved_and_the_rest_goes_on(caplog, error):
    rows = torch.arange(20)
    work, sizes = holding(3, lambda block: block * 2, error)
    with caplog.at_level(logging.WARNING, "ccd"):
        found = [torch.cat([*by_blocks(rows, 12, work, "doubling")]) for _ in range(2)]
    assert all(torch.equal(each, rows * 2) for each in found)
    assert sizes == 2 * [3, 3, 3, 3, 3, 3, 2]
    said = [record.message for record in caplog.records]
    assert said == ["note: not enough memory for doubling with 12 rows at once; going on with 6"]


def test_a_single_row_that_is_too_much_and_other_errors_are_raised():
    work, _ = holding(0, lambda block: block)
    with pytest.raises(MemoryError):
        list(by_blocks(torch.arange(8), 4, work, "nothing"))
    other = RuntimeError("mat1 and mat2 shapes cannot be multiplied")
    work, sizes = holding(2, lambda block: block, other)
    with pytest.raises(RuntimeError, match="mat1"):
        list(by_blocks(torch.arange(8), 4, work, "nothing"))
    assert not sizes
    assert not is_out_of_memory(ValueError("out of memory"))


def test_no_rows_are_one_block():
    assert [len(block) for block in by_blocks(torch.arange(0), 4, lambda rows: rows, "it")] == [0]


@pytest.fixture
def world():
    rng = np.random.default_rng(0)
    n_users, n_items = 30, 40
    pairs = rng.choice(n_users * n_items, 300, replace=False)
    seen, held_out = (np.divmod(part, n_items) for part in np.split(pairs, 2))
    tables = [torch.from_numpy(rng.normal(size=(n, 4)).astype("f4")) for n in (n_users, n_items)]
    return (
        Representations(*tables),
        HeldOut(Interactions(*held_out), n_users, n_items, torch.device("cpu")),
        ItemsByUser(*(torch.from_numpy(part) for part in seen), n_users, n_items),
    )


def test_ranking_in_smaller_blocks_gives_the_same(world, monkeypatch):
    reprs, held_out, seen = world
    evaluator = FullRanking(metrics={"recall": recall}, cutoffs=(5,), select="recall@5")
    whole = evaluator.evaluate(reprs, held_out, seen).per_user["recall@5"]
    lists = [torch.cat(parts) for parts in zip(*best_items(*args(world)), strict=True)]
    limited, sizes = holding(4, ranking._scores)
    monkeypatch.setattr(ranking, "_scores", limited)
    assert torch.equal(evaluator.evaluate(reprs, held_out, seen).per_user["recall@5"], whole)
    assert max(sizes) <= 4
    again = [torch.cat(parts) for parts in zip(*best_items(*args(world)), strict=True)]
    assert torch.equal(again[1], lists[1])
    torch.testing.assert_close(again[2], lists[2])


def args(world):
    reprs, held_out, seen = world
    return reprs, held_out.users, seen, 5


def test_the_nearest_in_smaller_blocks_are_the_same(monkeypatch):
    unit = torch.nn.functional.normalize(
        torch.randn(50, 8, generator=torch.Generator().manual_seed(0)), dim=1
    )
    whole = nearest.nearest_items(unit, 5)
    limits = iter([True, True])

    def once_too_much(rows, size, work, doing):
        def failing(block):
            if next(limits, False):
                raise MemoryError
            return work(block)

        return by_blocks(rows, size, failing, doing)

    monkeypatch.setattr(nearest, "by_blocks", once_too_much)
    assert torch.equal(nearest.nearest_items(unit, 5).ids, whole.ids)

"""What ranks do together, one after the other; run by ``torchrun``, for ``test_torchrun.py``."""

import os
import sys

import torch

from ccd.errors import CcdError, DataError
from ccd.ranks import launched
from ccd.ranks.joined import joined
from ccd.ranks.launched import told_by_the_first


def tell(text):
    print(text, flush=True)


def main(case):
    if case == "wrong words":
        launched.LAST_WORDS = 1
        with told_by_the_first():
            if os.environ["RANK"] == "1":
                raise DataError("no such recipe")
    with joined() as ranks:
        ranks.open(torch.device("cpu"), 5.0)
        if case == "twice":
            tables(ranks)
        elif case == "refusal":
            with ranks.settling():
                if ranks.rank == 1:
                    raise DataError("no such file", hint="copy it")
        elif case == "other data":
            ranks.refuse_differences({"recipe": "the same", "data set": f"of rank {ranks.rank}"})
        elif case == "fails":
            ranks.total(torch.ones(1))
            if ranks.rank == 1:
                raise DataError("a table is damaged")
            ranks.total(torch.ones(1))


def tables(ranks):
    share = ranks.share(5)
    mine = share.of(torch.arange(5.0)).clone().requires_grad_()
    table = ranks.gathered(share, mine, 5)
    assert table.tolist() == [0, 1, 2, 3, 4]
    (table * torch.arange(5.0) * (1 + ranks.rank)).sum().backward()
    assert mine.grad.tolist() == share.of(3 * torch.arange(5.0)).tolist()
    weights = [torch.nn.Parameter(torch.zeros(2)) for _ in range(3)]
    optimizer = torch.optim.SGD(weights, lr=1.0)
    ranks.reduce_before_steps(optimizer)
    weights[0].grad = torch.full((2,), 1.0 + ranks.rank)
    if ranks.rank == 1:
        weights[1].grad = torch.ones(2)
    optimizer.step()
    assert [w.tolist() for w in weights] == [[-3, -3], [-1, -1], [0, 0]]
    assert weights[2].grad is None
    if ranks.rank == 0:
        ranks.tell({"what": torch.ones(2)})
    else:
        assert ranks.told()["what"].tolist() == [1, 1]
        assert ranks.told() is None
    tell(f"rank {ranks.rank} of {ranks.size} is content")


if __name__ == "__main__":
    try:
        main(sys.argv[1])
        main(sys.argv[1])
    except CcdError as error:
        tell(f"told: {type(error).__name__}: {error.one_line}")
        raise SystemExit(error.exit_code) from None

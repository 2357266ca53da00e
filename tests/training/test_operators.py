"""How many operators a step calls: what makes small batches slow, and does not vary as seconds do.

Whoever lowers a number lowers it here; a step that calls more wants a reason.
"""

import pytest
from torch.utils._python_dispatch import TorchDispatchMode

from tests.backbones.worlds import dataset
from tests.training.parts import DMA, FULL, experiment

ALLOWANCE = 1.05


class Counter(TorchDispatchMode):
    def __init__(self):
        super().__init__()
        self.calls = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.calls += 1
        return function(*args, **(kwargs or {}))


def calls_of_a_step(made):
    """Operators of a step once the curriculum has settled."""
    with made.start(dataset(), 1) as training:
        training.try_out(1)
        counts = []
        for steps in (1, 2):
            with Counter() as counter:
                training._train(training.settled_epoch + 1, steps)
            counts.append(counter.calls)
    return counts[1] - counts[0]


@pytest.mark.parametrize(
    ("parts", "most"),
    [({}, 126), ({"aligner": DMA}, 467), (FULL, 521)],
    ids=["FREEDOM", "DMA", "CCDRec"],
)
def test_a_step_calls_no_more_operators_than_it_did(parts, most):
    made = experiment(trainer={"batch_size": 16}, **parts)
    calls = calls_of_a_step(made)
    assert most / ALLOWANCE <= calls <= most * ALLOWANCE

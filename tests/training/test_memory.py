"""How many bytes of tensors live at once: what decides which data fit, and does not vary as the
memory of a process does.

Whoever lowers a number lowers it here; a step that holds more wants a reason.
"""

import weakref

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from tests.backbones.worlds import dataset
from tests.training.parts import DMA, FULL, experiment

ALLOWANCE = 1.05


class Peak(TorchDispatchMode):
    """Counts the bytes of what operators allocate in the block.

    Attributes:
        bytes: The most that lived at once.
    """

    def __init__(self):
        super().__init__()
        self.bytes = self._now = 0
        self._live = {}

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        for tensor in _tensors((args, kwargs)):  # of before, if it is not known yet
            self._live.setdefault(tensor.untyped_storage()._cdata, None)
        result = function(*args, **(kwargs or {}))
        for tensor in _tensors(result):
            self._take_in(tensor.untyped_storage())
        return result

    def _take_in(self, storage):
        key, size = storage._cdata, storage.nbytes()
        if key not in self._live:
            self._live[key] = weakref.finalize(storage, self._forget, key, size)
            self._now += size
            self.bytes = max(self.bytes, self._now)

    def _forget(self, key, size):
        del self._live[key]
        self._now -= size


def _tensors(values):
    return [value for value in tree_leaves(values) if isinstance(value, torch.Tensor)]


def test_what_is_freed_counts_no_more():
    before = torch.zeros(1000)
    with Peak() as peak:
        for _ in range(3):
            rows = before[:100] + 1  # 400 bytes
            twice = rows.view(10, 10) * 2  # 400 more
            del rows, twice
    assert peak.bytes == 800


def bytes_of(parts, work):
    """The peak of ``work`` once the curriculum has settled."""
    made = experiment(trainer={"batch_size": 64}, **parts)
    with made.start(dataset(), 1) as training:
        training.try_out(None)
        with Peak() as peak:
            work(training)
    return peak.bytes


WORK = {
    "training": lambda training: training._train(training.settled_epoch + 1, 1),
    "reverse process": lambda training: training.model.reverse(1),
    "validation": lambda training: training._validate(training.model.epoch_end),
}


@pytest.mark.parametrize(
    ("parts", "work", "most"),
    [
        ({}, "training", 34_492),
        ({"aligner": DMA}, "training", 53_372),
        (FULL, "training", 58_496),
        (FULL, "reverse process", 20_476),
        ({}, "validation", 5_875),
    ],
    ids=["FREEDOM", "DMA", "CCDRec", "reverse process", "validation"],
)
def test_no_more_memory_is_held_than_was(parts, work, most):
    held = bytes_of(parts, WORK[work])
    assert most / ALLOWANCE <= held <= most * ALLOWANCE

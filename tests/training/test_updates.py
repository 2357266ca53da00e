"""Descent and Mirror Gradient on a quadratic, against the same steps written out."""

import pytest
import torch

from ccd.errors import ConfigError
from ccd.training.updates import Descent, MirrorGradient


def quadratic():
    weight = torch.nn.Parameter(torch.tensor([3.0, -2.0]))
    return weight, lambda: {"a": weight.square().sum(), "b": weight.sum()}


def run(update, n_batches, make=torch.optim.SGD):
    weight, terms = quadratic()
    optimizer = make([weight], lr=0.1)
    seen = [update(optimizer, terms, index) for index in range(n_batches)]
    return weight.detach(), seen


def by_hand(factors, make=torch.optim.SGD):
    weight, terms = quadratic()
    optimizer = make([weight], lr=0.1)
    for factor in factors:
        optimizer.zero_grad()
        (factor * sum(terms().values())).backward()
        optimizer.step()
    return weight.detach()


def test_descent_is_one_step_per_batch():
    weight, seen = run(Descent(), 2)
    assert torch.equal(weight, by_hand([1, 1]))
    assert {name: term.item() for name, term in seen[0].items()} == {"a": 13.0, "b": 1.0}
    assert not seen[0]["a"].requires_grad


@pytest.mark.parametrize("make", [torch.optim.SGD, torch.optim.Adam])
def test_mirrored_batches_go_down_and_a_little_up(make):
    mirror = MirrorGradient(down=0.9, up=0.2, interval=2)
    weight, _ = run(mirror, 3, make)
    assert torch.equal(weight, by_hand([0.9, -0.2, 1, 0.9, -0.2], make))


def test_a_long_interval_mirrors_only_the_first_batch():
    weight, _ = run(MirrorGradient(up=0.3, interval=100), 3)
    assert torch.equal(weight, by_hand([1, -0.3, 1, 1]))


def test_climbing_is_refused():
    with pytest.raises(ConfigError, match="MirrorGradient.up = 1.0 must be smaller"):
        MirrorGradient(up=1.0)

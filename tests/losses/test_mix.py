"""The objective's terms and their weights."""

import pytest
import torch

from ccd.losses.bpr import bpr_loss
from ccd.losses.mix import LossMix


def rows(seed):
    return torch.randn(6, 4, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("reduction", "scale"), [("mean", 1), ("sum", 6)])
def test_weights_and_reduction_of_every_term(reduction, scale):
    users, positives, negatives, hard = (rows(seed) for seed in range(4))
    mix = LossMix(hard_weight=0.4, diffusion_weight=2.0, reduction=reduction)
    terms = mix((users, positives, negatives), hard, torch.tensor(0.5), torch.tensor(3.0))
    expected = {
        "random": scale * 0.6 * bpr_loss(users, positives, negatives),
        "hard": scale * 0.4 * bpr_loss(users, positives, hard),
        "diffusion": torch.tensor(1.0),  # an expectation over items, whatever the batch
        "backbone": torch.tensor(3.0 * scale),
    }
    assert set(terms) == set(expected)
    for name, value in expected.items():
        torch.testing.assert_close(terms[name], value)

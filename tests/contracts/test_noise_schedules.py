"""Every registered noise schedule, without an edit here."""

import pytest
import torch

from ccd import catalogue
from ccd.diffusion.process import GaussianDiffusion
from ccd.registry import components

catalogue.load()


@pytest.mark.parametrize("schedule", components("noise_schedule"), ids=lambda c: c.name)
@pytest.mark.parametrize("steps", [4, 20, 100])
class TestNoiseSchedules:
    def test_betas_are_valid(self, schedule, steps):
        betas = schedule.target(steps)
        assert betas.shape == (steps,)
        assert betas.dtype == torch.float64
        assert ((betas > 0) & (betas < 1)).all()

    def test_signal_falls(self, schedule, steps):
        signal = torch.cumprod(1 - schedule.target(steps), 0)
        assert (signal[1:] < signal[:-1]).all()

    def test_process_accepts_it(self, schedule, steps):
        process = GaussianDiffusion(torch.device("cpu"), betas=schedule.target, steps=steps)
        x0, rng = torch.ones(2, 3), torch.Generator().manual_seed(0)
        kept = process.reverse(x0, lambda x, t: x0, (), rng)
        assert kept[steps].isfinite().all()

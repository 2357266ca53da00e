"""Every registered aligner, noise process and pools, without an edit here."""

from functools import partial

import pytest
import torch

from ccd import catalogue
from ccd.backbones.projector import LinearProjector
from ccd.diffusion.estimators import AttentionEstimator
from ccd.diffusion.fusion import final_fusion
from ccd.diffusion.noise_schedules import linear_betas
from ccd.diffusion.process import GaussianDiffusion
from ccd.registry import components
from tests.backbones.worlds import CPU, DIM, N_ITEMS, dataset

catalogue.load()
SLOTS = {
    "betas": linear_betas,
    "diffusion": partial(GaussianDiffusion, betas=linear_betas),
    "estimator": AttentionEstimator,
    "fusion": final_fusion,
}


def family(name):
    own = [c for c in components(name) if c.target.__module__.startswith("ccd.")]
    return pytest.mark.parametrize("part", own, ids=lambda c: c.name)


def filled(part):
    """The component with its slots filled."""
    return partial(part.target, **{k: v for k, v in SLOTS.items() if k in part.settings})


def stream(seed=0):
    return torch.Generator().manual_seed(seed)


def table(seed=1):
    return torch.randn(N_ITEMS, DIM, generator=stream(seed))


@family("aligner")
class TestAligners:
    ITEMS = torch.tensor([5, 2, 5, 9])

    def build(self, part, seed=0):
        projector = LinearProjector(dataset().features, DIM, stream(7), CPU)
        return filled(part)(DIM, projector, stream(seed), CPU), projector

    def test_a_step_denoises_distinct_items_and_trains_weights_and_projector(self, part):
        model, projector = self.build(part)
        denoised = model.denoise(table(), self.ITEMS, stream())
        assert len(torch.unique(denoised.items)) == len(denoised.items)
        assert set(self.ITEMS.tolist()) <= set(denoised.items.tolist())
        assert denoised.representations.shape == (len(denoised.items), DIM)
        assert denoised.loss.dim() == 0
        denoised.loss.backward()
        for parameter in (*model.parameters(), *projector.parameters()):
            if parameter.dim() == 2:
                assert parameter.grad.abs().max() > 0

    def test_the_projector_stays_the_backbones(self, part):
        model, projector = self.build(part)
        own = {id(p) for p in model.parameters()}
        assert not own & {id(p) for p in projector.parameters()}

    def test_samples_are_of_all_items_at_the_steps_asked_for(self, part):
        model, _ = self.build(part)
        last = model.diffusion.steps
        kept = model.sample(table().requires_grad_(), (last // 2,), stream())
        assert set(kept) == {last // 2, last}
        for sample in kept.values():
            assert sample.shape == (N_ITEMS, DIM)
            assert sample.isfinite().all()
            assert not sample.requires_grad

    def test_the_stream_decides(self, part):
        model, _ = self.build(part)
        first, again, other = (
            model.sample(table(), (), stream(seed))[model.diffusion.steps] for seed in (0, 0, 1)
        )
        assert torch.equal(first, again)
        assert not torch.equal(first, other)
        weights, same, different = (self.build(part, s)[0].state_dict() for s in (0, 0, 1))
        assert all(torch.equal(weights[k], same[k]) for k in weights)
        assert any(not torch.equal(weights[k], different[k]) for k in weights)

    def test_fusing_touches_the_denoised_items_only(self, part):
        model, _ = self.build(part)
        items = torch.tensor([1, 4])
        first, second = (
            model.fuse(items, torch.full((2, DIM), value)).mixed(table()) for value in (0.0, 1.0)
        )
        assert (first - second).abs().sum(1).nonzero()[:, 0].tolist() == [1, 4]


@family("diffusion")
class TestNoiseProcesses:
    def test_timesteps_are_indices(self, part):
        process = filled(part)(CPU)
        drawn = process.draw_timesteps(501, stream())
        assert drawn.shape == (501,)
        assert drawn.dtype == torch.int64
        assert (drawn.min(), drawn.max()) == (0, process.steps - 1)

    def test_signal_fades_as_steps_go_on(self, part):
        process = filled(part)(CPU)
        steps = torch.arange(process.steps)
        clean = process.add_noise(torch.ones(len(steps), 1), torch.zeros(len(steps), 1), steps)
        assert (clean.diff(dim=0) < 0).all()

    def test_a_perfect_estimate_is_reached(self, part):
        """With the truth as the estimate the last sample is the truth."""
        process, x0 = filled(part)(CPU), table()
        kept = process.reverse(x0, lambda x, t: x0, (1,), stream())
        assert set(kept) == {1, process.steps}
        torch.testing.assert_close(kept[process.steps], x0, atol=1e-4, rtol=0)

    def test_the_estimator_is_asked_from_the_last_step_to_the_first(self, part):
        process, asked = filled(part)(CPU), []

        def predict(x, t):
            assert (t == t[0]).all()
            asked.append(int(t[0]))
            return x

        process.reverse(table(), predict, (), stream())
        assert asked == list(range(process.steps))[::-1]

    def test_the_noise_has_the_unit_that_the_process_names(self, part):
        process = filled(part)(CPU)
        assert process.noise_std(table()) > 0
        assert process.first_index in (0, 1)


@family("pools")
@pytest.mark.parametrize("steps", [8, 20, 100])
class TestPools:
    def test_kept_steps_rise_to_the_last(self, part, steps):
        pools = part.target(steps)
        assert len(pools) == len(pools.keep) > 0
        assert list(pools.keep) == sorted(set(pools.keep))
        assert pools.keep[0] >= 1
        assert pools.keep[-1] == steps

    def test_pools_go_from_easy_to_hard(self, part, steps):
        pools = part.target(steps)
        kept = {done: torch.full((N_ITEMS, DIM), float(done)) for done in pools.keep}
        built = pools.build(kept)
        assert built.shape == (len(pools), N_ITEMS, DIM)
        assert torch.equal(built, pools.build(kept))
        assert built[:, 0, 0].tolist() == sorted(built[:, 0, 0].tolist())

import pytest
import torch

from ccd.diffusion.noise_schedules import linear_betas
from ccd.diffusion.process import GaussianDiffusion
from ccd.errors import ConfigError

CPU = torch.device("cpu")


def process(**settings):
    return GaussianDiffusion(CPU, betas=linear_betas, **settings)


def stream(seed=0):
    return torch.Generator().manual_seed(seed)


def kept(betas):
    """``alpha_bar_T``, the share of the variance that is still signal after the last step."""
    return (1 - betas).prod()


def test_linear_schedule_matches_the_published_signal():
    # sqrt(alpha_bar_T) of the released schedule, by T.
    for steps, signal in [(5, 0.975), (10, 0.951), (20, 0.904), (40, 0.817), (100, 0.603)]:
        assert kept(linear_betas(steps)).sqrt().item() == pytest.approx(signal, abs=1e-3)


def test_forward_process_has_the_stated_moments():
    diffusion, x0 = process(), torch.full((20_000, 4), 0.5)
    noise = torch.randn(20_000, 4, generator=stream())
    x_t = diffusion.add_noise(x0, noise, torch.full((20_000,), 19))
    bar = kept(linear_betas(20))
    assert x_t.mean().item() == pytest.approx(0.5 * bar.sqrt().item(), abs=0.01)
    assert x_t.std().item() == pytest.approx((1 - bar).sqrt().item(), abs=0.01)


def test_x0_posterior_equals_the_epsilon_formula():
    diffusion, betas = process(), linear_betas(20)
    x0, x_t = torch.randn(5, 3, generator=stream()), torch.randn(5, 3, generator=stream(1))
    for t in range(20):
        bar, beta = kept(betas[: t + 1]), betas[t]
        eps = (x_t - bar.sqrt() * x0) / (1 - bar).sqrt()
        expected = (x_t - beta / (1 - bar).sqrt() * eps) / (1 - beta).sqrt()
        torch.testing.assert_close(diffusion.step(x0, t, x_t, None), expected, atol=2e-4, rtol=1e-3)


def test_the_literal_reading_of_eq_3_differs():
    x0, x_t = torch.randn(5, 3, generator=stream()), torch.randn(5, 3, generator=stream(1))
    literal = process(posterior="eps_literal").step(x0, 10, x_t, None)
    betas = linear_betas(20)
    bar, beta = kept(betas[:11]), betas[10]
    expected = (x_t - beta / (1 - bar).sqrt() * x0) / (1 - beta).sqrt()
    torch.testing.assert_close(literal, expected, atol=1e-5, rtol=1e-5)
    assert (literal - process().step(x0, 10, x_t, None)).abs().max() > 0.01


def test_the_last_step_returns_the_estimate_exactly():
    x0, x_t = torch.randn(5, 3, generator=stream()), torch.randn(5, 3, generator=stream(1))
    torch.testing.assert_close(process().step(x0, 0, x_t, None), x0, atol=1e-6, rtol=0)
    kept = process().reverse(x0, lambda x, t: x0 * 2, (), stream())
    torch.testing.assert_close(kept[20], x0 * 2, atol=1e-5, rtol=0)


def test_reverse_visits_every_step_once_and_keeps_what_was_asked():
    seen = []
    x0 = torch.randn(5, 3, generator=stream())
    kept = process(steps=8).reverse(
        x0, lambda x, t: seen.append(t.tolist()) or x, (2, 4, 6), stream()
    )
    assert [t[0] for t in seen] == [7, 6, 5, 4, 3, 2, 1, 0]
    assert sorted(kept) == [2, 4, 6, 8]


def test_residual_noise_falls_along_the_reverse_process():
    x0 = torch.zeros(4000, 8)
    kept = process().reverse(x0, lambda x, t: torch.zeros_like(x), (6, 11, 16), stream())
    spread = [kept[done].std().item() for done in (6, 11, 16)]
    assert spread == pytest.approx([0.304, 0.195, 0.082], abs=0.005)


def test_antithetic_timesteps_pair_up():
    t = process().draw_timesteps(101, stream())
    assert t.shape == (101,)
    half = 101 // 2 + 1
    assert torch.equal(t[half:], 19 - t[: 101 - half])
    assert t.min() >= 0
    assert t.max() <= 19


def test_noise_in_units_of_the_embeddings():
    x0 = torch.full((10, 4), 0.02)
    assert process().noise_std(x0).item() == 1.0
    assert process(noise_unit="rms").noise_std(x0).item() == pytest.approx(0.02)


def test_a_schedule_outside_the_unit_interval_is_refused():
    with pytest.raises(ConfigError, match="GaussianDiffusion.betas"):
        GaussianDiffusion(CPU, betas=lambda steps: torch.linspace(0, 2, steps))

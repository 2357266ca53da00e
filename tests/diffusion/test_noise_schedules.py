import pytest

from ccd.diffusion.noise_schedules import exp_betas, linear_betas, sigmoid_betas
from ccd.errors import ConfigError


@pytest.mark.parametrize(
    ("schedule", "settings"),
    [
        (linear_betas, {"beta_start": 0.03}),
        (linear_betas, {"beta_start": 0.5, "beta_end": 0.4}),
        (sigmoid_betas, {"beta_end": 1e-5}),
        (exp_betas, {"beta_min": 11.0}),
    ],
)
def test_betas_that_fall_are_refused(schedule, settings):
    with pytest.raises(ConfigError, match="so the noise would fall") as caught:
        schedule(20, **settings)
    assert all(key.startswith(f"{schedule.__name__}.beta_") for key in caught.value.keys)


def test_constant_betas_are_legal():
    assert len(set(linear_betas(20, beta_start=0.02, beta_end=0.02).tolist())) == 1

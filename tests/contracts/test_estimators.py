"""Every registered estimator, without an edit here."""

import pytest
import torch

from ccd import catalogue
from ccd.registry import components

catalogue.load()
DIM, MODALITIES = 64, 2


def build(component, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return component.target(DIM, MODALITIES, rng, torch.device("cpu")).eval()


@pytest.fixture
def inputs():
    rng = torch.Generator().manual_seed(1)
    x = torch.randn(10, DIM, generator=rng)
    condition = torch.randn(10, MODALITIES, DIM, generator=rng)
    return x, torch.randint(20, (10,), generator=rng), condition


@pytest.mark.parametrize("estimator", components("estimator"), ids=lambda c: c.name)
class TestEstimators:
    def test_estimate_has_the_shape_of_the_embedding(self, estimator, inputs):
        x, t, condition = inputs
        model = build(estimator)
        assert model(x, t, model.encode(condition)).shape == (10, DIM)

    def test_rows_are_independent(self, estimator, inputs):
        x, t, condition = inputs
        model = build(estimator)
        whole = model(x, t, model.encode(condition))
        part = model(x[3:5], t[3:5], model.encode(condition[3:5]))
        torch.testing.assert_close(whole[3:5], part, atol=1e-5, rtol=1e-5)

    def test_every_input_matters(self, estimator, inputs):
        x, t, condition = inputs
        model = build(estimator)
        base = model(x, t, model.encode(condition))
        for changed in (
            model(x.flip(0), t, model.encode(condition)),
            model(x, t + 7, model.encode(condition)),
            model(x, t, model.encode(condition.flip(0))),
        ):
            assert (base - changed).abs().max() > 1e-4

    def test_gradients_reach_input_condition_and_weights(self, estimator, inputs):
        x, t, condition = inputs
        x.requires_grad_(), condition.requires_grad_()
        model = build(estimator)
        model(x, t, model.encode(condition)).square().sum().backward()
        for tensor in (x, condition, *(p for p in model.parameters() if p.dim() == 2)):
            assert tensor.grad is not None
            assert tensor.grad.abs().max() > 0

    def test_weights_come_from_the_stream(self, estimator, inputs):
        torch.manual_seed(1)
        first = build(estimator).state_dict()
        torch.manual_seed(2)
        again, other = build(estimator).state_dict(), build(estimator, seed=5).state_dict()
        assert all(torch.equal(first[k], again[k]) for k in first)
        assert any(not torch.equal(first[k], other[k]) for k in first)

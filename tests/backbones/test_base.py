"""Parts that backbones share."""

import torch
from torch.nn import functional as F

from ccd.backbones.norms import unit_rows


def test_unit_rows_equal_torchs_in_value_and_gradient():
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(5, 2, 3, generator=rng, dtype=torch.float64, requires_grad=True)
    torch.testing.assert_close(unit_rows(x), F.normalize(x, dim=-1))
    assert torch.autograd.gradcheck(unit_rows, x)


def test_a_row_of_zeros_stays_so_and_has_a_finite_gradient():
    x = torch.zeros(2, 3, requires_grad=True)
    unit = unit_rows(x)
    unit.sum().backward()
    assert unit.count_nonzero() == 0
    assert x.grad.isfinite().all()

import pytest
import torch
from torch.nn import functional as F

from ccd.losses import info_nce as module

PAIRS = (torch.arange(6), torch.arange(6))


def info_nce(anchors, targets, temperature, pairs=PAIRS, **options):
    return module.info_nce(anchors, targets, temperature, pairs, **options)


def views():
    rng = torch.Generator().manual_seed(0)
    return torch.randn(6, 4, generator=rng), torch.randn(6, 4, generator=rng)


@pytest.mark.parametrize("normalise", [True, False])
def test_equals_the_formula(normalise):
    anchors, targets = views()
    a = anchors / anchors.norm(dim=1, keepdim=True) if normalise else anchors
    b = targets / targets.norm(dim=1, keepdim=True) if normalise else targets
    terms = []
    for i in range(6):
        scores = torch.stack([(a[i] * b[j]).sum() / 0.2 for j in range(6)])
        terms.append(-torch.log(scores[i].exp() / scores.exp().sum()))
    expected = torch.stack(terms).mean()
    torch.testing.assert_close(info_nce(anchors, targets, 0.2, normalise=normalise), expected)


def test_it_goes_from_anchors_to_targets():
    anchors, targets = views()
    assert not torch.isclose(info_nce(anchors, targets, 0.2), info_nce(targets, anchors, 0.2))


def test_by_cosine_lengths_do_not_matter():
    anchors, targets = views()
    scaled = info_nce(3 * anchors, 5 * targets, 0.2)
    torch.testing.assert_close(scaled, info_nce(anchors, targets, 0.2))


def test_agreeing_views_lose_least():
    anchors, targets = views()
    assert info_nce(anchors, anchors, 0.2) < info_nce(anchors, targets, 0.2)


@pytest.mark.parametrize("normalise", [True, False])
def test_a_row_counts_as_often_as_the_batch_has_it(normalise):
    anchors, targets = (view.requires_grad_() for view in views())
    pairs = torch.tensor([4, 1, 4, 0, 4]), torch.tensor([2, 2, 5, 3, 2])
    got = info_nce(anchors, targets, 0.2, pairs, normalise=normalise)
    batch = (table[rows] for table, rows in zip((anchors, targets), pairs, strict=True))
    a, b = (F.normalize(x) if normalise else x for x in batch)
    expected = F.cross_entropy(a @ b.T / 0.2, torch.arange(5))
    torch.testing.assert_close(got, expected)
    both = (torch.autograd.grad(loss, (anchors, targets)) for loss in (got, expected))
    torch.testing.assert_close(*both)

import math

import torch
from torch.nn import functional as F

from ccd.diffusion.estimators import AttentionEstimator
from ccd.diffusion.time_embedding import sinusoidal_embedding

DIM = 16


def setup():
    rng = torch.Generator().manual_seed(0)
    model = AttentionEstimator(DIM, 2, rng, torch.device("cpu"))
    x = torch.randn(7, DIM, generator=rng)
    condition = torch.randn(7, 2, DIM, generator=rng)
    return model, x, torch.tensor([0, 3, 3, 19, 5, 0, 1]), condition


def test_equals_attention_written_out():
    model, x, t, condition = setup()
    tokens = torch.cat([x[:, None], condition, sinusoidal_embedding(t, DIM)[:, None]], dim=1)
    tokens = F.layer_norm(tokens, (DIM,))
    query, key, value = (tokens @ w for w in (model.query, model.key, model.value))
    weights = torch.softmax(query @ key.transpose(1, 2) / math.sqrt(DIM), dim=-1)
    expected = (weights @ value).mean(1)
    torch.testing.assert_close(model(x, t, model.encode(condition)), expected, atol=1e-5, rtol=0)


def test_the_order_of_tokens_is_irrelevant():
    model, x, t, condition = setup()
    base = model(x, t, model.encode(condition))
    swapped = model(x, t, model.encode(condition.flip(1)))
    torch.testing.assert_close(base, swapped, atol=1e-6, rtol=0)
    as_token = model(condition[:, 0], t, model.encode(torch.stack([x, condition[:, 1]], 1)))
    torch.testing.assert_close(base, as_token, atol=1e-6, rtol=0)


def test_time_embedding_is_the_published_one():
    embedded = sinusoidal_embedding(torch.tensor([0, 3]), 64)
    assert embedded.shape == (2, 64)
    assert torch.equal(embedded[0], torch.cat([torch.zeros(32), torch.ones(32)]))
    rates = torch.tensor([10_000 ** (-j / 31) for j in range(32)])
    torch.testing.assert_close(embedded[1], torch.cat([(3 * rates).sin(), (3 * rates).cos()]))

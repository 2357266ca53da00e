"""MCDRec's U-Net: its parameters counted and its forward pass restated from the specification."""

import math

import pytest
import torch
from torch.nn import functional as F

from ccd.diffusion.time_embedding import sinusoidal_embedding
from ccd.diffusion.unet import UNetEstimator
from ccd.errors import ConfigError

CPU = torch.device("cpu")
# Widths in and out of the residual blocks, by level, and the sides of their images.
DOWN = [[(8, 8), (8, 8)], [(8, 16), (16, 16)], [(16, 16)] * 2, [(16, 16)] * 2]
UP = [
    [(24, 8), (16, 8), (16, 8)],
    [(32, 16), (32, 16), (24, 16)],
    [(32, 16)] * 3,
    [(32, 16)] * 3,
]


def unet(dim=64, n_modalities=2, **settings):
    return UNetEstimator(dim, n_modalities, torch.Generator().manual_seed(0), CPU, **settings)


def inputs(n=7, dim=64, n_modalities=2):
    rng = torch.Generator().manual_seed(1)
    x = torch.randn(n, dim, generator=rng)
    condition = torch.randn(n, n_modalities, dim, generator=rng)
    return x, torch.randint(20, (n,), generator=rng), condition


def test_parameters_are_those_of_the_specification():
    def conv(n_in, n_out, size=3):
        return n_in * n_out * size**2 + n_out

    def block(n_in, n_out):
        time = 32 * n_out + n_out
        norms = 2 * n_in + 2 * n_out
        skip = conv(n_in, n_out, 1) if n_in != n_out else 0
        return norms + conv(n_in, n_out) + time + conv(n_out, n_out) + skip

    expected = (8 * 32 + 32) + (32 * 32 + 32) + conv(3, 8)
    expected += sum(block(*widths) for level in DOWN + UP for widths in level)
    expected += conv(8, 8) + 2 * conv(16, 16)  # halving
    expected += 2 * block(16, 16) + 2 * 16 + 4 * conv(16, 16, 1)  # middle
    expected += 3 * conv(16, 16)  # doubling
    expected += 2 * 8 + conv(8, 3)
    assert sum(p.numel() for p in unet().parameters()) == expected == 137_667


def restated(model, x, t, condition):
    """Spec 7.1 level by level, from the weights in their order."""
    weights = iter(model.state_dict().values())

    def take(n):
        return [next(weights) for _ in range(n)]

    def norm(h, scale, shift):
        groups = h.reshape(len(h), 8, -1)
        mean, var = groups.mean(2, keepdim=True), groups.var(2, keepdim=True, correction=0)
        h = ((groups - mean) / torch.sqrt(var + 1e-6)).reshape(h.shape)
        return h * scale[:, None, None] + shift[:, None, None]

    def swish(h):
        return h * torch.sigmoid(h)

    def conv(h, weight, bias):
        return F.conv2d(h, weight, bias, padding=weight.shape[2] // 2)

    first, second = take(2), take(2)
    time = swish(
        swish(sinusoidal_embedding(t, 8) @ first[0].T + first[1]) @ second[0].T + second[1]
    )

    def block(h, n_in, n_out):
        assert h.shape[1] == n_in
        out = conv(swish(norm(h, *take(2))), *take(2))
        weight, bias = take(2)
        out = out + (time @ weight.T + bias)[:, :, None, None]
        out = conv(swish(norm(out, *take(2))), *take(2))
        return out + (conv(h, *take(2)) if n_in != n_out else h)

    h = conv(torch.cat([x[:, None], condition], 1).reshape(len(x), 3, 8, 8), *take(2))
    skips = [h]
    for level, blocks in enumerate(DOWN):
        if level:
            weight, bias = take(2)
            h = F.conv2d(F.pad(h, (0, 1, 0, 1)), weight, bias, stride=2)
            skips.append(h)
        for widths in blocks:
            h = block(h, *widths)
            skips.append(h)
    assert h.shape[1:] == (16, 1, 1)
    h = block(h, 16, 16)
    normed = norm(h, *take(2))[:, :, 0, 0]
    # One position: it attends to itself, whatever query and key say.
    value, output = [(w[:, :, 0, 0], b) for w, b in (take(2) for _ in range(4))][2:]
    h = h + ((normed @ value[0].T + value[1]) @ output[0].T + output[1])[:, :, None, None]
    h = block(h, 16, 16)
    for level in (3, 2, 1, 0):
        for widths in UP[level]:
            h = block(torch.cat([h, skips.pop()], 1), *widths)
        if level:
            h = conv(h.repeat_interleave(2, 2).repeat_interleave(2, 3), *take(2))
    assert not skips
    h = conv(swish(norm(h, *take(2))), *take(2))
    assert not list(weights)
    return h[:, 0].reshape(len(x), 64)


def test_equals_the_specification_written_out():
    model = unet().eval()
    rng = torch.Generator().manual_seed(3)
    for parameter in model.parameters():  # the norms' scale and shift too
        parameter.data += 0.05 * torch.randn(parameter.shape, generator=rng)
    x, t, condition = inputs()
    expected = restated(model, x, t, condition)
    torch.testing.assert_close(model(x, t, condition), expected, atol=1e-4, rtol=1e-4)


def test_attention_among_four_positions():
    """Embeddings of 256 end in images of 2 x 2."""
    model = unet(dim=256)
    attention = model.middle[1]
    x = torch.randn(3, 16, 2, 2, generator=torch.Generator().manual_seed(2))
    h = attention.norm(x).flatten(2).transpose(1, 2)  # [n, position, channel]

    def mapped(part, h):
        return h @ part.weight[:, :, 0, 0].T + part.bias

    query, key, value = (mapped(p, h) for p in (attention.query, attention.key, attention.value))
    weights = torch.softmax(query @ key.transpose(1, 2) / math.sqrt(16), dim=2)
    out = mapped(attention.output, weights @ value).transpose(1, 2).reshape(3, 16, 2, 2)
    torch.testing.assert_close(attention(x, None), x + out, atol=1e-5, rtol=1e-5)
    assert model(*inputs(dim=256)).shape == (7, 256)


@pytest.mark.parametrize("n_modalities", [1, 3])
def test_any_number_of_modalities(n_modalities):
    model = unet(n_modalities=n_modalities)
    assert model(*inputs(n_modalities=n_modalities)).shape == (7, 64)


def test_dropout_is_off_while_sampling():
    rows, sane = inputs(), unet().eval()
    assert torch.equal(sane(*rows), sane(*rows))
    assert not torch.equal(unet().train()(*rows), sane(*rows))


@pytest.mark.parametrize("kept_rows", [None, 0, 5])
def test_blocks_of_rows_give_the_same_numbers_and_gradients(monkeypatch, kept_rows):
    rows = inputs(n=10)
    whole, blocked = unet(dropout=0.5), unet(dropout=0.5, kept_rows=kept_rows)
    filled = (torch.cat([r, r.new_zeros(2, *r.shape[1:])]).split(4) for r in rows)
    expected = torch.cat([whole(*part) for part in zip(*filled, strict=True)])[:10]
    monkeypatch.setattr("ccd.diffusion.unet._BLOCK", 4)
    got = blocked(*rows)
    torch.testing.assert_close(got, expected)
    gradients = (
        torch.autograd.grad(y.square().sum(), list(m.parameters()))
        for y, m in ((expected, whole), (got, blocked))
    )
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)
    assert torch.equal(whole._rng.get_state(), blocked._rng.get_state())


@pytest.mark.parametrize(("kept_rows", "anew"), [(None, 0), (0, 2), (5, 1), (8, 0)])
def test_activations_of_few_rows_and_of_the_last_block_are_kept(monkeypatch, kept_rows, anew):
    model = unet(kept_rows=kept_rows)
    calls = []
    monkeypatch.setattr(model, "_recomputed", lambda *block: calls.append(1) or block[0])
    model(*inputs(n=10))
    assert not calls  # all in one block
    monkeypatch.setattr("ccd.diffusion.unet._BLOCK", 4)
    model(*inputs(n=10))
    assert len(calls) == anew


@pytest.mark.parametrize(("dim", "advice"), [(48, "64 or 256"), (16, "64 or 256"), (144, "64")])
def test_embeddings_that_do_not_fold_are_refused(dim, advice):
    with pytest.raises(ConfigError, match=f"Experiment.dim = {dim} is no square.*{advice}"):
        unet(dim=dim)


def test_shorter_networks_take_smaller_images():
    assert unet(dim=16, multipliers=(1, 2)).eval()(*inputs(dim=16)).shape == (7, 16)


def test_a_width_that_groups_do_not_divide_is_refused():
    with pytest.raises(ConfigError, match="width = 12 must be a multiple of 8.*next one is 16"):
        unet(width=12)

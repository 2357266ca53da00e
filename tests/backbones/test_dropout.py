import torch
from torch.utils.checkpoint import checkpoint

from ccd.backbones.dropout import SeededDropout, same_draws


def stream(seed=0):
    return torch.Generator().manual_seed(seed)


def test_scales_what_it_keeps():
    x = torch.full((200, 50), 3.0)
    dropped = SeededDropout(0.4, stream())(x)
    torch.testing.assert_close(dropped.unique(), torch.tensor([0.0, 5.0]))
    assert abs((dropped == 0).float().mean() - 0.4) < 0.02


def test_the_given_stream_decides_and_the_global_one_does_not():
    x = torch.ones(50, 20)
    torch.manual_seed(1)
    first = SeededDropout(0.5, stream())(x)
    torch.manual_seed(2)
    assert torch.equal(first, SeededDropout(0.5, stream())(x))
    assert not torch.equal(first, SeededDropout(0.5, stream(1))(x))


def test_only_while_training():
    x = torch.ones(50, 20)
    assert torch.equal(SeededDropout(0.5, stream()).eval()(x), x)
    assert torch.equal(SeededDropout(0.0, stream())(x), x)


def test_a_recomputation_repeats_the_draws_and_leaves_the_stream_alone():
    rng, x = stream(), torch.ones(50, 20, requires_grad=True)
    dropout = SeededDropout(0.5, rng)

    def square(x):
        return dropout(x.square()).square()

    y = checkpoint(square, x, use_reentrant=False, context_fn=lambda: same_draws(rng))
    after = rng.get_state()
    y.sum().backward()
    # d/dx of (2 x^2)^2 = 4 x^4, where it was kept.
    assert torch.equal(x.grad, torch.where(y > 0, 16.0, 0.0))
    assert torch.equal(rng.get_state(), after)

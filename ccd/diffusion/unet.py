"""MCDRec's estimator: the U-Net of image diffusion on embeddings folded to small images."""

from __future__ import annotations

import math
from functools import partial
from typing import Annotated

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from ccd.backbones.dropout import SeededDropout, same_draws
from ccd.diffusion.estimators import Estimator
from ccd.diffusion.time_embedding import sinusoidal_embedding
from ccd.errors import ConfigError
from ccd.registry import component
from ccd.settings import HOW_IT_RUNS, NonNegativeInt, PositiveInt, ProperFraction

_GROUPS = 8
"""Groups of every group normalisation."""
_BLOCK = 512
"""Rows estimated at a time on the CPU: more leave its cache, a quarter slower."""
_GPU_BLOCK = 16_384
"""Rows estimated at a time on a GPU, where starting each part costs the most; about 3 GB."""


@component("estimator")
class UNetEstimator(Estimator):
    """U-Net over square images: noised ID and modalities are channels, the first output is x_0.

    DDPM's network (Ho et al. 2020) as MCDRec builds it: a vector of 64 is an image of 8 x 8, halved
    at each level, with self-attention at the smallest size only. The outputs of the other channels
    are neither supervised nor used.

    Args:
        dim: Embedding size; a square whose side the levels can halve.
        n_modalities: Number of condition channels.
        rng: Stream of the initial weights and of dropout.
        device: Where the weights live.
        width: Channels of the first level, and size of the time embedding; a multiple of 8.
        multipliers: Channels of each level, in multiples of ``width``.
        n_blocks: Residual blocks per level.
        dropout: Within the residual blocks.
        kept_rows: Rows of a step whose activations are kept for the backward pass, about 0.2 MB
            each, besides those of the last 512 (16,384 on a GPU); those of the others are computed
            anew, a third more time. None keeps all.

    Raises:
        ConfigError: Embeddings do not fold to such images, or groups do not divide the channels.
    """

    def __init__(
        self,
        dim: int,
        n_modalities: int,
        rng: torch.Generator,
        device: torch.device,
        *,
        width: PositiveInt = 8,
        multipliers: tuple[PositiveInt, ...] = (1, 2, 2, 2),
        n_blocks: PositiveInt = 2,
        dropout: ProperFraction = 0.1,
        kept_rows: Annotated[NonNegativeInt | None, HOW_IT_RUNS] = 512,
    ) -> None:
        super().__init__()
        self.kept_rows, self._rng, self.dropout = kept_rows, rng, dropout
        self.side = _side(dim, width, len(multipliers))
        n_channels = 1 + n_modalities
        noise = SeededDropout(dropout, rng)
        time_width = 4 * width
        self.width = width
        self.time = nn.Sequential(
            nn.Linear(width, time_width), nn.SiLU(), nn.Linear(time_width, time_width), nn.SiLU()
        )
        self.entry = _conv3(n_channels, width)

        def block(n_in: int, n_out: int) -> _ResidualBlock:
            return _ResidualBlock(n_in, n_out, time_width, noise)

        widths = [width * m for m in multipliers]
        now, skips = width, [width]
        self.down = nn.ModuleList()
        for level, n_out in enumerate(widths):
            if level:
                self.down.append(_Halve(now))
                skips.append(now)
            for _ in range(n_blocks):
                self.down.append(block(now, n_out))
                now = n_out
                skips.append(now)
        self.middle = nn.ModuleList([block(now, now), _SelfAttention(now), block(now, now)])
        self.up = nn.ModuleList()
        for level, n_out in reversed(list(enumerate(widths))):
            for _ in range(n_blocks + 1):
                self.up.append(block(now + skips.pop(), n_out))
                now = n_out
            if level:
                self.up.append(_Double(now))
        self.exit = nn.Sequential(_norm(now), nn.SiLU(), _conv3(now, n_channels))
        _draw_weights(self.to(device), rng)

    @property
    def splits(self) -> bool:  # type: ignore[override]
        return not (self.training and self.dropout)  # which is drawn row by row

    def forward(self, x_t: Tensor, timesteps: Tensor, encoded: Tensor) -> Tensor:
        size = _BLOCK if x_t.is_cpu else _GPU_BLOCK
        whole = (_whole_blocks(rows, size).split(size) for rows in (x_t, timesteps, encoded))
        blocks = list(zip(*whole, strict=True))
        estimates = []
        for number, block in enumerate(blocks, start=1):
            few = self.kept_rows is None or number * size <= self.kept_rows
            # The backward pass begins with the last block: it would be computed anew at once.
            keeps = few or number == len(blocks)
            estimates.append(self._estimate(*block) if keeps else self._recomputed(*block))
        return torch.cat(estimates)[: len(x_t)]

    def _recomputed(self, *block: Tensor) -> Tensor:
        """The result of ``_estimate``, computed again in the backward pass instead of kept."""
        draws = partial(same_draws, self._rng)
        # Without gradients the checkpoint just calls.
        estimate: Tensor = checkpoint(self._estimate, *block, use_reentrant=False, context_fn=draws)
        return estimate

    def _estimate(self, x_t: Tensor, timesteps: Tensor, encoded: Tensor) -> Tensor:
        time = self.time(sinusoidal_embedding(timesteps, self.width))
        images = torch.cat([x_t[:, None], encoded], dim=1)
        images = images.unflatten(2, (self.side, self.side))
        # Twice as fast on the CPU: rows of images this small fill no vector register.
        h = self.entry(images.contiguous(memory_format=torch.channels_last))
        skips = [h]
        for part in self.down:
            h = part(h, time)
            skips.append(h)
        for part in self.middle:
            h = part(h, time)
        for part in self.up:
            joins = isinstance(part, _ResidualBlock)
            h = part(torch.cat([h, skips.pop()], dim=1) if joins else h, time)
        return self.exit(h)[:, 0].flatten(1)


class _ResidualBlock(nn.Module):
    """Two normalised convolutions with the time between them, added to the input."""

    def __init__(self, n_in: int, n_out: int, time_width: int, dropout: SeededDropout) -> None:
        super().__init__()
        self.first = nn.Sequential(_norm(n_in), nn.SiLU(), _conv3(n_in, n_out))
        self.time = nn.Linear(time_width, n_out)
        self.second = nn.Sequential(_norm(n_out), nn.SiLU(), dropout, _conv3(n_out, n_out))
        self.skip = nn.Conv2d(n_in, n_out, 1) if n_in != n_out else nn.Identity()

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        return self.skip(x) + self.second(self.first(x) + self.time(time)[:, :, None, None])


class _SelfAttention(nn.Module):
    """Single-head attention among the positions of an image, added to it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = _norm(width)
        self.query, self.key, self.value, self.output = (
            nn.Conv2d(width, width, 1) for _ in range(4)
        )

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        h = self.norm(x)
        query, key, value = (part(h).flatten(2) for part in (self.query, self.key, self.value))
        attention = torch.softmax(query.transpose(1, 2) @ key / math.sqrt(x.shape[1]), dim=2)
        return x + self.output((value @ attention.transpose(1, 2)).unflatten(2, x.shape[2:]))


class _Halve(nn.Module):
    """Half the side, by a strided convolution of the image padded on its right and lower edge."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, stride=2)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        return self.conv(F.pad(x, (0, 1, 0, 1)))


class _Double(nn.Module):
    """Twice the side, by repeating each position and a convolution."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = _conv3(width, width)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        return self.conv(F.interpolate(x, scale_factor=2.0))


def _whole_blocks(rows: Tensor, size: int) -> Tensor:
    """``rows`` and zeros up to whole blocks of ``size``, where they fill more than one.

    A last block of another length in every step costs memory: with whole blocks two epochs of
    TikTok peaked at 992 MB instead of 1,141, in the same time.
    """
    missing = -len(rows) % size if len(rows) > size else 0
    return torch.cat([rows, rows.new_zeros(missing, *rows.shape[1:])]) if missing else rows


def _side(dim: int, width: int, n_levels: int) -> int:
    """The side of the images that embeddings fold to.

    Raises:
        ConfigError: There is none, or ``width`` is no multiple of the groups.
    """
    side, factor = math.isqrt(dim), 2 ** (n_levels - 1)
    if side * side != dim or side % factor:
        raise ConfigError(
            f"UNetEstimator folds embeddings to square images and halves them {n_levels - 1} times,"
            f" but Experiment.dim = {dim} is no square of a multiple of {factor}",
            keys=("Experiment.dim", "UNetEstimator.multipliers", "DiffusionAligner.estimator"),
            hint=f"set it to {factor**2} or {4 * factor**2}, shorten UNetEstimator.multipliers, "
            "or choose another DiffusionAligner.estimator",
        )
    if width % _GROUPS or width < _GROUPS:
        raise ConfigError(
            f"UNetEstimator.width = {width} must be a multiple of {_GROUPS}, the groups of its "
            "normalisations",
            keys=("UNetEstimator.width",),
            hint=f"the next one is {-(-width // _GROUPS) * _GROUPS}",
        )
    return side


def _norm(width: int) -> nn.GroupNorm:
    return nn.GroupNorm(_GROUPS, width, eps=1e-6)


def _conv3(n_in: int, n_out: int) -> nn.Conv2d:
    return nn.Conv2d(n_in, n_out, 3, padding=1)


def _draw_weights(module: nn.Module, rng: torch.Generator) -> None:
    """Torch's default initialisation, but from ``rng`` instead of the global stream."""
    for part in module.modules():
        if isinstance(part, nn.Linear | nn.Conv2d) and part.bias is not None:
            bound = part.weight[0].numel() ** -0.5
            for parameter in (part.weight, part.bias):
                with torch.no_grad():
                    parameter.uniform_(-bound, bound, generator=rng)

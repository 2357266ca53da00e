"""Conditional estimators: predict ``x_0`` from a noised embedding, the step and the modalities."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Annotated, Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ccd.backbones.initial import xavier_normal, xavier_uniform
from ccd.diffusion.time_embedding import sinusoidal_embedding
from ccd.errors import ConfigError
from ccd.registry import component
from ccd.settings import Flag, PositiveInt, Slot


class Estimator(nn.Module):
    """Predicts ``x_0`` from ``x_t``, the timestep and the item's modality features.

    ``encode`` is called once per set of items and ``forward`` once per step, so what depends on the
    condition alone is computed once for all reverse steps.

    Attributes:
        splits: Whether each of several processes may estimate a share of the rows: each row is
            estimated alike whichever others there are, and nothing is drawn. A derived class says
            so itself.
    """

    splits: bool = False

    def encode(self, condition: Tensor) -> Any:
        """Whatever ``forward`` needs of ``condition [n, n_modalities, dim]``."""
        return condition

    def forward(self, x_t: Tensor, timesteps: Tensor, encoded: Any) -> Tensor:
        """The estimate ``[n, dim]``.

        Args:
            x_t: Noised embeddings ``[n, dim]``.
            timesteps: Indices that the time embedding sees ``[n]``.
            encoded: What ``encode`` returned.
        """
        raise TypeError(f"{type(self).__name__} must define forward")


EstimatorFactory = Annotated[
    Callable[[int, int, torch.Generator, torch.device], Estimator], Slot("estimator")
]

_EXPANSION = 4
"""Width of feed-forward parts, in multiples of ``dim``."""


@component("estimator")
class AttentionEstimator(Estimator):
    """One single-head attention over the tokens ID, modalities, time; mean of its outputs.

    As in the released code: no residual, feed-forward, output layer or token-type embedding, so the
    order of the tokens is irrelevant.

    Args:
        dim: Embedding size.
        n_modalities: Number of condition tokens.
        rng: Stream of the initial weights.
        device: Where the weights live.
        time_token: Give the step as a token of its own.
        input_norm: Layer-normalise the tokens (without scale and shift).
    """

    splits = True

    def __init__(
        self,
        dim: int,
        n_modalities: int,
        rng: torch.Generator,
        device: torch.device,
        *,
        time_token: Flag = True,
        input_norm: Flag = True,
    ) -> None:
        super().__init__()
        self.dim, self.time_token, self.input_norm = dim, time_token, input_norm
        self.query, self.key, self.value = (
            nn.Parameter(torch.empty(dim, dim, device=device)) for _ in range(3)
        )
        for matrix in (self.query, self.key, self.value):
            xavier_normal(matrix, rng)

    def encode(self, condition: Tensor) -> list[_Token]:
        return [self._token(x) for x in condition.unbind(1)]

    def forward(self, x_t: Tensor, timesteps: Tensor, encoded: list[_Token]) -> Tensor:
        tokens = [*encoded, self._token(x_t)]
        if self.time_token:
            # Few distinct steps: project each once, then look the rows up.
            steps, index = torch.unique(timesteps, return_inverse=True)
            time = self._token(sinusoidal_embedding(steps, self.dim))
            tokens.append(_Token(*(F.embedding(index, x) for x in time)))
        # A product of two tables per pair of tokens: half the time of many 4 x 64 matrix products.
        scores = torch.stack([
            torch.stack([(one.query * other.value).sum(dim=1) for one in tokens])
            for other in tokens
        ])  # fmt: skip
        # The mean of the outputs is one weighted sum of the tokens, and values are linear in it.
        weights = torch.softmax(scores, dim=0).mean(dim=1)
        parts = [w[:, None] * x.value for w, x in zip(weights, tokens, strict=True)]
        return torch.stack(parts).sum(dim=0) @ self.value

    def _token(self, x: Tensor) -> _Token:
        """A token ``[n, dim]``, normalised, and its query, into which the keys' matrix is folded.

        ``(t Q) (t K)^T = (t Q K^T) t^T``: one product per token instead of three.
        """
        if self.input_norm:
            x = F.layer_norm(x, (self.dim,))
        return _Token(x, x @ (self.query @ self.key.T / math.sqrt(self.dim)))


class _Token(NamedTuple):
    """A token of each item, and its query; both ``[n, dim]``."""

    value: Tensor
    query: Tensor


@component("estimator")
class TransformerEstimator(Estimator):
    """Pre-norm Transformer encoder over the tokens ID, modalities, time; mean of its outputs.

    The paper's reading of the estimator.

    Args:
        dim: Embedding size.
        n_modalities: Number of condition tokens.
        rng: Stream of the initial weights.
        device: Where the weights live.
        n_layers: Encoder layers.
        n_heads: Attention heads; must divide ``dim``.
    """

    splits = True

    def __init__(
        self,
        dim: int,
        n_modalities: int,
        rng: torch.Generator,
        device: torch.device,
        *,
        n_layers: PositiveInt = 1,
        n_heads: PositiveInt = 1,
    ) -> None:
        super().__init__()
        if dim % n_heads:
            raise ConfigError(
                f"TransformerEstimator.n_heads = {n_heads} must divide Experiment.dim = {dim}",
                keys=("TransformerEstimator.n_heads", "Experiment.dim"),
            )
        self.dim = dim
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(
                dim,
                n_heads,
                _EXPANSION * dim,
                dropout=0.0,
                activation="gelu",
                batch_first=True,
                norm_first=True,
                device=device,
            )
            for _ in range(n_layers)
        )
        _draw_weights(self, rng)

    def forward(self, x_t: Tensor, timesteps: Tensor, encoded: Tensor) -> Tensor:
        time = sinusoidal_embedding(timesteps, self.dim)
        tokens = torch.cat([x_t[:, None], encoded, time[:, None]], dim=1)
        for layer in self.layers:
            tokens = layer(tokens)
        return tokens.mean(dim=1)


@component("estimator")
class MLPEstimator(Estimator):
    """Multi-layer perceptron over the concatenation of ID, modalities and time.

    Args:
        dim: Embedding size.
        n_modalities: Number of condition vectors.
        rng: Stream of the initial weights.
        device: Where the weights live.
        n_layers: Hidden layers.
    """

    splits = True

    def __init__(
        self,
        dim: int,
        n_modalities: int,
        rng: torch.Generator,
        device: torch.device,
        *,
        n_layers: PositiveInt = 1,
    ) -> None:
        super().__init__()
        self.dim = dim
        widths = [(n_modalities + 2) * dim, *[_EXPANSION * dim] * n_layers]
        hidden = [
            part
            for n_in, n_out in pairwise(widths)
            for part in (nn.Linear(n_in, n_out, device=device), nn.SiLU())
        ]
        self.layers = nn.Sequential(*hidden, nn.Linear(widths[-1], dim, device=device))
        _draw_weights(self, rng)

    def forward(self, x_t: Tensor, timesteps: Tensor, encoded: Tensor) -> Tensor:
        time = sinusoidal_embedding(timesteps, self.dim)
        return self.layers(torch.cat([x_t, encoded.flatten(1), time], dim=1))


def _draw_weights(module: nn.Module, rng: torch.Generator) -> None:
    """Glorot matrices from ``rng`` and zero biases; torch's constructors use the global stream."""
    for name, parameter in module.named_parameters():
        if parameter.dim() == 2:
            xavier_uniform(parameter, rng)
        elif name.endswith("bias"):
            nn.init.zeros_(parameter)

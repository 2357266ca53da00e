"""Raw item features projected to the embedding size, one map per modality."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ccd.registry import component
from ccd.settings import Flag, Slot

ProjectorFactory = Annotated[Any, Slot("projector")]


@component("projector")
class LinearProjector(nn.Module):
    """Affine map per modality over the raw features, on the items that are asked for.

    Only the rows of a batch are projected: projecting every item in every step is most of the cost
    of the reference implementations. An item without a modality has an all-zero row, so its
    projection is the bias, a learned stand-in.

    Args:
        features: Modality to raw features ``[n_items, feature_dim]``.
        dim: Embedding size.
        rng: Stream of the initial weights.
        device: Where the weights live.
        trainable: Also train the raw features, as the released code does.
    """

    def __init__(
        self,
        features: Mapping[str, np.ndarray],
        dim: int,
        rng: torch.Generator,
        device: torch.device,
        *,
        trainable: Flag = False,
    ) -> None:
        super().__init__()
        self.modalities = tuple(features)
        self._raw: dict[str, Tensor] = {}
        self.tables, self.maps = nn.ParameterDict(), nn.ModuleDict()
        for name, array in features.items():
            raw = _tensor(array)
            if trainable:
                # A copy: the data set's array is other runs' too, and may be a read-only file.
                self.tables[name] = nn.Parameter(raw.to(device, torch.float32, copy=True))
            else:
                self._raw[name] = raw.to(device)
            self.maps[name] = linear(raw.shape[1], dim, rng, device)

    def raw(self) -> dict[str, Tensor]:
        """Modality to raw features ``[n_items, feature_dim]``, as they are now where trained."""
        return {**self._raw, **{name: table.detach() for name, table in self.tables.items()}}

    def forward(self, items: Tensor | None = None) -> Tensor:
        """Projected features ``[n, n_modalities, dim]`` of ``items [n]``; of all where None."""
        return torch.stack([self.project(name, items) for name in self.modalities], dim=1)

    def project(self, name: str, items: Tensor | None = None) -> Tensor:
        """Projected features of one modality ``[n, dim]``; of all items where None."""
        if name in self.tables:
            table: Tensor = self.tables[name]
            return self.maps[name](table if items is None else F.embedding(items, table))
        raw = self._raw[name]
        return self.maps[name]((raw if items is None else raw.index_select(0, items)).float())


def _tensor(array: np.ndarray) -> Tensor:
    with warnings.catch_warnings():  # a memory-mapped file is read-only, and is only read
        warnings.simplefilter("ignore", UserWarning)
        return torch.from_numpy(array)


def linear(
    n_in: int, n_out: int, rng: torch.Generator, device: torch.device, *, bias: bool = True
) -> nn.Linear:
    """An affine map with torch's default initialisation, from the given stream."""
    layer = nn.Linear(n_in, n_out, bias=bias, device=device)
    bound = 1.0 / math.sqrt(n_in)
    with torch.no_grad():
        for parameter in layer.parameters():  # the weight, then the bias
            parameter.uniform_(-bound, bound, generator=rng)
    return layer

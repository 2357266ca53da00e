"""What a backbone is built on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ccd.backbones.projector import LinearProjector
from ccd.datasets.dataset import Dataset
from ccd.errors import ConfigError
from ccd.graphs.engines import Engine


@dataclass(frozen=True)
class World:
    """What a backbone is built on.

    Attributes:
        dataset: The data set. A backbone learns from its training split and features alone.
        users: Training interactions' users ``[n_edges]``, on the device.
        items: Training interactions' items ``[n_edges]``, on the device.
        dim: Embedding size.
        projector: Projects raw features to ``dim``; shared with DMA.
        engine: Message-passing engine.
        rng: Stream of the initial weights.
        device: Where the weights live.
    """

    dataset: Dataset
    users: Tensor
    items: Tensor
    dim: int
    projector: LinearProjector
    engine: Engine
    rng: torch.Generator
    device: torch.device

    @property
    def n_users(self) -> int:
        """Number of users."""
        return self.dataset.n_users

    @property
    def n_items(self) -> int:
        """Number of items."""
        return self.dataset.n_items

    @property
    def features(self) -> Mapping[str, np.ndarray]:
        """Modality to raw features ``[n_items, feature_dim]``."""
        return self.dataset.features

    def require_features(self, backbone: str, least: int = 1) -> None:
        """Refuse a data set with fewer than ``least`` modalities.

        Raises:
            ConfigError: It has fewer.
        """
        if len(self.features) < least:
            wanted = "a modality" if least == 1 else f"{least} modalities"
            raise ConfigError(
                f"{backbone} needs {wanted}, and the data set has "
                f"{', '.join(self.features) or 'none'}",
                keys=("Experiment.backbone",),
                hint="add features to it, or choose another backbone, such as "
                "Experiment.backbone = @LightGCN",
            )

    def feature_tables(self) -> dict[str, Tensor]:
        """Modality to a copy of its features, float32 ``[n_items, feature_dim]``, on the device."""
        return {
            name: torch.tensor(np.asarray(table), dtype=torch.float32, device=self.device)
            for name, table in self.features.items()
        }

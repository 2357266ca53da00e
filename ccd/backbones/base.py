"""What a backbone is, and the hook through which DMA enters its forward pass."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from ccd.backbones.projector import LinearProjector
from ccd.errors import ConfigError
from ccd.graphs.engines import Engine
from ccd.settings import Slot


class Representations(NamedTuple):
    """Final representations: ``users [n_users, dim]``, ``items [n_items, dim]``.

    ``state`` is whatever the backbone's own loss needs of the same forward pass, in the same rows.
    """

    users: Tensor
    items: Tensor
    state: Any = None


class Rows(NamedTuple):
    """Distinct ids of the ``users [n]`` and ``items [m]`` whose representations are wanted."""

    users: Tensor
    items: Tensor


class Batch(NamedTuple):
    """Training triplets: ids of users, positive items, random negatives, each int64 ``[batch]``."""

    users: Tensor
    positives: Tensor
    negatives: Tensor


@dataclass(frozen=True)
class Step:
    """One training step, as the backbone's own loss sees it.

    Attributes:
        batch: The triplets' ids.
        index: Where their rows are in ``output``, each int64 ``[batch]``.
        users: Final representations of the batch's users ``[batch, dim]``.
        positives: Those of its positive items ``[batch, dim]``.
        negatives: Those of its random negatives ``[batch, dim]``.
        output: What ``forward`` returned.
    """

    batch: Batch
    index: Batch
    users: Tensor
    positives: Tensor
    negatives: Tensor
    output: Representations


class World(NamedTuple):
    """What a backbone is built on.

    Attributes:
        users: Training interactions' users ``[n_edges]``.
        items: Training interactions' items ``[n_edges]``.
        n_users: Number of users.
        n_items: Number of items.
        dim: Embedding size.
        features: Modality to raw features ``[n_items, feature_dim]``.
        projector: Projects raw features to ``dim``; shared with DMA.
        item_graph: Makes the item-item graph from settings: ``factory(...) -> ItemGraph``.
        engine: Message-passing engine.
        rng: Stream of the initial weights.
        device: Where the weights live.
    """

    users: Tensor
    items: Tensor
    n_users: int
    n_items: int
    dim: int
    features: Mapping[str, np.ndarray]
    projector: LinearProjector
    item_graph: Callable[[Any], Any]
    engine: Engine
    rng: torch.Generator
    device: torch.device

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


HigherOrder = Callable[[Tensor | None], Tensor]
"""The item-graph output ``[m, dim]`` of distinct items ``[m]``; of all where None."""

Fuse = Callable[[Tensor, HigherOrder, Tensor | None], tuple[Tensor, Tensor]]
"""``(item_embeddings [n_items, dim], higher_order, items [m] or None) -> (ego [n_items, dim],
side [m, dim])``: what enters the user-item propagation as the items' layer 0, and what is added to
those rows of its result that ``items`` name (to all where None)."""


def rows_of(table: Tensor) -> HigherOrder:
    """The higher-order representation of a backbone that computes all of it at once."""
    return lambda items: table if items is None else table.index_select(0, items)


def no_fusion(
    item_embeddings: Tensor, higher_order: HigherOrder, items: Tensor | None
) -> tuple[Tensor, Tensor]:
    """The backbone as it is: ID embeddings propagate, the higher-order representation is added."""
    return item_embeddings, higher_order(items)


class Backbone(nn.Module):
    """A recommender that scores by the dot product of user and item representations.

    Attributes:
        user_embeddings: ID embeddings ``[n_users, dim]``.
        item_embeddings: ID embeddings ``[n_items, dim]``.
        projector: Projects raw features.
        takes_fusion: Whether it offers a higher-order item representation for DMA.
        trains_on_negatives: Whether BPR on sampled negatives is its objective; where not,
            ``own_loss`` is all of it.
    """

    takes_fusion: ClassVar[bool] = False
    trains_on_negatives: ClassVar[bool] = True

    def __init__(self, world: World) -> None:
        super().__init__()
        self.projector = world.projector
        # Each backbone fills its own; what it forgets is found, where chance memory would not be.
        self.user_embeddings, self.item_embeddings = (
            nn.Parameter(torch.full((n, world.dim), math.nan, device=world.device))
            for n in (world.n_users, world.n_items)
        )

    def observe_sample(self, sample: Tensor) -> None:
        """Told DMA's last sample of all items ``[n_items, dim]`` before every epoch but the first.

        By default nothing looks at it.
        """

    def start_epoch(self, rng: torch.Generator) -> None:
        """Redraw what changes from epoch to epoch; by default nothing does."""

    def forward(self, fuse: Fuse = no_fusion, rows: Rows | None = None) -> Representations:
        """Representations of ``rows``, else of all; in training mode on the epoch's graph."""
        raise TypeError(f"{type(self).__name__} must define forward")

    def higher_order(self, items: Tensor | None = None) -> Tensor:
        """The item-graph output ``[m, dim]`` that DMA fuses with, of all or of distinct ``items``.

        Raises:
            TypeError: The backbone takes no fusion.
        """
        raise TypeError(f"{type(self).__name__} has no higher-order item representation")

    def layered(self, fuse: Fuse = no_fusion) -> tuple[Representations, Tensor]:
        """``forward`` for all, and its layers ``[n_layers + 1, n_users + n_items, dim]``.

        The layers' mean is the final representation. A backbone without layers has one.
        """
        output = self(fuse)
        return output, torch.cat([output.users, output.items])[None]

    def own_loss(self, step: Step) -> Tensor | None:
        """The backbone's own loss beside BPR (all of it where it needs no negatives), or None."""
        return None

    @classmethod
    def misfit(cls, *, negatives: bool = False, fusion: bool = False) -> str | None:
        """Why a part that brings hard ``negatives`` or a ``fusion`` does not fit, else None.

        The answer is said of the backbone, whose name it does not repeat.
        """
        if negatives and not cls.trains_on_negatives:
            return "trains without sampled negatives"
        if fusion and not cls.takes_fusion:
            return "offers no higher-order item representation, which DMA fuses with"
        return None


BackboneFactory = Annotated[Callable[[World], Backbone], Slot("backbone")]


def xavier_uniform(table: Tensor, rng: torch.Generator) -> None:
    """Glorot's uniform initialisation of a 2-d ``table``, from the given stream."""
    bound = math.sqrt(6.0 / (table.shape[0] + table.shape[1]))
    with torch.no_grad():
        table.uniform_(-bound, bound, generator=rng)


def xavier_normal(table: Tensor, rng: torch.Generator) -> None:
    """Glorot's normal initialisation of a 2-d ``table``, from the given stream."""
    std = math.sqrt(2.0 / (table.shape[0] + table.shape[1]))
    with torch.no_grad():
        table.normal_(0.0, std, generator=rng)


def embedding_norm(*rows: Tensor) -> Tensor:
    """``(sum_k ||X_k||_F) / batch``: the toolbox's regulariser, a norm and not a squared norm."""
    return torch.stack([x.norm() for x in rows]).sum() / len(rows[-1])


def half_squared_norm(*rows: Tensor) -> Tensor:
    """``0.5 (sum_k ||X_k||_F^2) / batch``: LATTICE's and MGCN's regulariser.

    The toolbox divides by the configured batch size also in an epoch's smaller last batch; here
    every triplet weighs the same.
    """
    return 0.5 * torch.stack([x.square().sum() for x in rows]).sum() / len(rows[-1])


def unit_rows(x: Tensor) -> Tensor:
    """``x [..., dim]`` with rows of length 1; half of F.normalize's cost, forward and backward."""
    return _UnitRows.apply(x)


class _UnitRows(torch.autograd.Function):
    """The gradient is ``g`` without its part along the row, over the row's length."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        scale = x.square().sum(dim=-1, keepdim=True).clamp_(min=1e-24).rsqrt_()
        unit = x * scale
        ctx.save_for_backward(unit, scale)
        return unit

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        unit, scale = ctx.saved_tensors
        along = (grad * unit).sum(dim=-1, keepdim=True)
        return torch.addcmul(grad, unit, along, value=-1).mul_(scale)

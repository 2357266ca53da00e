"""What a backbone is: what its forward pass gives, and how DMA's estimates enter it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from ccd.backbones.fusion import Fusion
from ccd.backbones.world import World
from ccd.settings import Slot

ID_PATH, DMA_PATH = "ID convolution", "DMA"
"""Parts of an item's representation that several backbones have; see ``Backbone.paths``."""


class Representations(NamedTuple):
    """Final representations: ``users [n_users, dim]``, ``items [n_items, dim]``.

    Both are dense, or both sparse (COO): then a user and an item whose rows share no column have no
    score. So a model of neighbours, whose rows are as wide as the catalogue, is one of factors too.

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
        positives: Final representations of its positive items ``[batch, dim]``.
        negatives: Final representations of its random negatives ``[batch, dim]``.
        output: What ``forward`` returned.
    """

    batch: Batch
    index: Batch
    users: Tensor
    positives: Tensor
    negatives: Tensor
    output: Representations


class Backbone(nn.Module):
    """A recommender that scores by the dot product of user and item representations.

    Attributes:
        user_embeddings: ID embeddings ``[n_users, dim]``.
        item_embeddings: ID embeddings ``[n_items, dim]``, where the backbone has them.
        projector: Projects raw features.
        has_item_embeddings: Whether items have ID embeddings, which DMA diffuses.
        takes_fusion: Whether it offers a higher-order item representation, which DMA fuses with.
        reads_features: Whether an item's features tell it from others, so that it can be ranked
            before anybody has taken it.
        trains_on_negatives: Whether BPR on sampled negatives is its objective; where not,
            ``own_loss`` is all of it.
        splits: Whether each of several processes may train on a share of a batch's triplets:
            ``forward`` draws nothing and gives a row alike whichever others are wanted, and
            ``own_loss`` is a mean of what each triplet adds. A derived class says so itself.
    """

    has_item_embeddings: ClassVar[bool] = True
    takes_fusion: ClassVar[bool] = False
    reads_features: ClassVar[bool] = True
    trains_on_negatives: ClassVar[bool] = True
    splits: bool = False

    def __init__(self, world: World) -> None:
        super().__init__()
        self.projector = world.projector
        self.user_embeddings = _unfilled(world.n_users, world)
        if self.has_item_embeddings:
            self.item_embeddings = _unfilled(world.n_items, world)

    def start_epoch(self, rng: torch.Generator, sample: Tensor | None = None) -> None:
        """Redraw what changes from epoch to epoch; by default nothing does.

        Args:
            rng: Stream of the draws.
            sample: DMA's last sample of all items ``[n_items, dim]``; None without DMA and in
                epoch 0.
        """

    def forward(self, fusion: Fusion | None = None, rows: Rows | None = None) -> Representations:
        """Representations of ``rows``, else of all; in training mode on the epoch's graph.

        Args:
            fusion: DMA's estimates, to be mixed in at the site that they name; None without DMA.
            rows: Which rows are wanted; all where None.
        """
        raise TypeError(f"{type(self).__name__} must define forward")

    def higher_order(self, items: Tensor | None = None) -> Tensor:
        """The item-graph output ``[m, dim]`` that DMA fuses with, of all or of distinct ``items``.

        Raises:
            TypeError: The backbone takes no fusion.
        """
        raise TypeError(f"{type(self).__name__} has no higher-order item representation")

    def over_item_graph(self, table: Tensor) -> Tensor | None:
        """``table [n_items, k]``, passed over the graph of items by features; None without one.

        Weighted sums over each item's neighbours, by which items without interactions are placed.
        """
        return None

    def fused(self, fusion: Fusion | None, items: Tensor | None) -> tuple[Tensor, Tensor]:
        """The items' layer 0 and the side term to add to the result, estimates mixed in.

        Args:
            fusion: DMA's estimates; None leaves ID embeddings and higher-order representation.
            items: Distinct ascending ids ``[m]`` of the items whose side term is wanted; all where
                None.

        Returns:
            The layer 0 of all items ``[n_items, dim]`` and the side term ``[m, dim]``.
        """
        ids: Tensor = self.item_embeddings
        if fusion is None:
            return ids, self.higher_order(items)
        if fusion.site == "final":
            return ids, fusion.mixed(self.higher_order(items), items)
        if fusion.site == "ego_id":
            return fusion.mixed(ids), self.higher_order(items)
        every = self.higher_order()
        side = every if items is None else every.index_select(0, items)
        return fusion.mixed(every), side

    def layered(self, fusion: Fusion | None = None) -> tuple[Representations, Tensor]:
        """``forward`` for all, and its layers ``[n_layers + 1, n_users + n_items, dim]``.

        The layers' mean is the final representation. A backbone without layers has one.
        """
        output = self(fusion)
        return output, torch.cat([output.users, output.items])[None]

    def paths(self, fusion: Fusion | None = None) -> dict[str, Tensor] | None:
        """The parts of the items' representations, each ``[n_items, dim]``, by what they come from.

        They add up to the items of ``forward`` in evaluation mode. None where it has no such parts.

        Args:
            fusion: DMA's estimates of all items; None without DMA.
        """
        return None

    def own_loss(self, step: Step) -> Tensor | None:
        """The backbone's own loss beside BPR, a scalar; None if it has none.

        It is the whole objective where the backbone needs no negatives.
        """
        return None

    @property
    def tables_of_users(self) -> tuple[str, ...]:
        """Names of the weights whose rows are users."""
        return ("user_embeddings",)

    @property
    def tables_of_items(self) -> tuple[str, ...]:
        """Names of the weights whose rows are items."""
        own = ("item_embeddings",) if self.has_item_embeddings else ()
        return (*own, *(f"projector.tables.{name}" for name in self.projector.tables))

    @classmethod
    def misfit(cls, *, negatives: bool = False, fusion: bool = False) -> str | None:
        """Why a part that brings hard ``negatives`` or a ``fusion`` does not fit, else None.

        The answer is said of the backbone, whose name it does not repeat.
        """
        if negatives and not cls.trains_on_negatives:
            return "trains without sampled negatives"
        if fusion and not cls.has_item_embeddings:
            return "has no item ID embeddings, which DMA diffuses"
        if fusion and not cls.takes_fusion:
            return "offers no higher-order item representation, which DMA fuses with"
        return None


def _unfilled(n: int, world: World) -> nn.Parameter:
    """A table ``[n, dim]`` that the backbone has to fill.

    It is found when the backbone forgets to, as what memory happens to hold would not be.
    """
    return nn.Parameter(torch.full((n, world.dim), math.nan, device=world.device))


BackboneFactory = Annotated[Callable[[World], Backbone], Slot("backbone")]

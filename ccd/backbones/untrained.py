"""Recommenders without weights: what any trained one has to beat."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from ccd.backbones.base import Backbone, Representations, Rows
from ccd.backbones.fusion import Fusion
from ccd.backbones.world import World
from ccd.graphs.co_occurrence import nearest_by_users
from ccd.registry import component
from ccd.settings import NonNegativeFloat, PositiveInt


class Untrained(Backbone):
    """A recommender whose representations are known without training: it has no weights.

    Args:
        users: Their representations ``[n_users, dim]``, dense or sparse.
        items: Those of the items ``[n_items, dim]``; where both are sparse, ``dim`` may be large,
            and an item with nothing in common with a user is never in the user's list.
    """

    has_item_embeddings = False
    reads_features = False
    trains_on_negatives = False

    def __init__(self, users: Tensor, items: Tensor) -> None:
        nn.Module.__init__(self)  # not Backbone's, which makes the weights
        self.users, self.items = users, items

    @property
    def tables_of_users(self) -> tuple[str, ...]:
        return ()

    @property
    def tables_of_items(self) -> tuple[str, ...]:
        return ()

    def forward(self, fusion: Fusion | None = None, rows: Rows | None = None) -> Representations:
        if rows is None:
            return Representations(self.users, self.items)
        return Representations(
            self.users.index_select(0, rows.users), self.items.index_select(0, rows.items)
        )


@component("backbone")
class Popularity(Untrained):
    """The most popular items for everyone: an item's score is its training interactions.

    Args:
        world: Interactions and sizes.
    """

    def __init__(self, world: World) -> None:
        counts = torch.bincount(world.items, minlength=world.n_items)
        super().__init__(torch.ones(world.n_users, 1, device=world.device), counts[:, None].float())


@component("backbone")
class ItemKNN(Untrained):
    """Items with the same users as those of a user (Sarwar et al. 2001; Deshpande, Karypis 2004).

    The similarity of two items is the cosine of their columns of the training interactions, with
    shrinkage: the users they share, divided by the root of the product of their users plus
    ``shrinkage``. An item scores the sum of its similarities to those of the user's items that are
    among its ``k`` nearest. So a user is the row of interactions, an item the row of its
    similarities, and the score is their dot product like any other.

    Args:
        world: Interactions and sizes.
        k: Nearest items that count.
        shrinkage: Added to the denominator: similarities that rest on few users become small.
    """

    def __init__(
        self, world: World, *, k: PositiveInt = 1000, shrinkage: NonNegativeFloat = 500.0
    ) -> None:
        similarity = nearest_by_users(world.dataset.train_matrix, k, shrinkage).tocoo()
        pairs = torch.from_numpy(np.stack([similarity.row, similarity.col]).astype(np.int64))
        n_users, n_items, device = world.n_users, world.n_items, world.device
        super().__init__(
            sparse_table(
                torch.stack([world.users, world.items]),
                torch.ones(len(world.users), device=device),
                (n_users, n_items),
            ),
            sparse_table(
                pairs.to(device), torch.from_numpy(similarity.data).to(device), (n_items, n_items)
            ),
        )


def sparse_table(places: Tensor, values: Tensor, shape: tuple[int, int]) -> Tensor:
    """A sparse table of ``values [n]`` at ``places [2, n]`` (row, column); equal places add up."""
    return torch.sparse_coo_tensor(places, values, shape, check_invariants=False).coalesce()

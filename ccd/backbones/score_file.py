"""Lists of another program, which enter a comparison like a recommender of ccd's."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import torch

from ccd.backbones.untrained import Untrained, sparse_table
from ccd.backbones.world import World
from ccd.datasets.score_lists import read_score_lists
from ccd.registry import component
from ccd.settings import HOW_IT_RUNS, REQUIRED, Flag, Text


@component("backbone")
class ScoreFile(Untrained):
    """Lists that another program made, as ``ccd import-results`` reads them.

    An item's score is its rank, negated; what is not in a user's list is never recommended. The
    lists are masked, ranked and measured like those of any other recommender.

    Args:
        world: The data set.
        file: A table with the columns user, item and score or rank (``.tsv``, ``.csv``,
            ``.parquet``), or a TREC run file (``.trec``, ``.run``). Each seed of a variant has one
            of its own, so it is no part of what the variant is.
        rows: Users and items are row numbers, even where the data set's files have other ids.
    """

    def __init__(
        self,
        world: World,
        *,
        file: Annotated[Text, HOW_IT_RUNS] = REQUIRED,
        rows: Annotated[Flag, HOW_IT_RUNS] = False,
    ) -> None:
        lists = read_score_lists(Path(file), world.dataset, rows=rows)
        places = torch.stack([torch.from_numpy(lists.users), torch.from_numpy(lists.items)])
        every = torch.arange(world.n_items, device=world.device)
        super().__init__(
            sparse_table(
                places.to(world.device),
                -torch.from_numpy(lists.ranks).float().to(world.device),
                (world.n_users, world.n_items),
            ),
            sparse_table(
                torch.stack([every, every]),
                torch.ones(world.n_items, device=world.device),
                (world.n_items, world.n_items),
            ),
        )

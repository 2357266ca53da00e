"""Full ranking: every item is scored for every user, seen items masked, in bounded memory."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, TypeVar

import torch
from pydantic import Field
from torch import Tensor

from ccd.backbones.base import Representations
from ccd.blocks import by_blocks
from ccd.errors import ConfigError
from ccd.evaluation.held_out import HeldOut, enough_users
from ccd.evaluation.item_ranks import item_ranks
from ccd.evaluation.metrics import Metric
from ccd.evaluation.ties import first_ranked
from ccd.graphs.items_by_user import ItemsByUser
from ccd.graphs.lists import AdjacencyLists
from ccd.ranks.share import ALONE, Ranks
from ccd.registry import component
from ccd.settings import HOW_IT_RUNS, REQUIRED, PositiveInt, Slot, Text

BLOCK_CELLS = 2_000_000
"""Scores held at once by default: so many float32 (8 MB) stay in the cache."""

T = TypeVar("T")


@dataclass(frozen=True)
class Evaluation:
    """Metrics of one split.

    Attributes:
        users: Ids of the evaluated users ``[n]``.
        per_user: Metric name, such as ``recall@20``, to values ``[n]`` (float32, CPU).
    """

    users: Tensor
    per_user: dict[str, Tensor]

    @property
    def means(self) -> dict[str, float]:
        """Mean over users by metric, in double precision and never rounded."""
        return {name: values.double().mean().item() for name, values in self.per_user.items()}


NOT_MEASURED = Evaluation(torch.empty(0, dtype=torch.int64), {})
"""Of a model for which nothing was held out."""


@torch.no_grad()
def best_items(
    representations: Representations,
    users: Tensor,
    seen: AdjacencyLists,
    k: int,
    block_cells: int = BLOCK_CELLS,
    hidden: Tensor | None = None,
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """The best items of each user in blocks: users ``[n]``, items and scores ``[n, k]``.

    Where a user has seen so much that fewer than k items are left, the list ends with -1.

    Args:
        representations: Final representations; the score is their dot product.
        users: Ids of the users.
        seen: What is masked; where a list ends early, its items are -1 and their score ``-inf``.
        k: Length of the lists, at most the number of items.
        block_cells: Scores held at once.
        hidden: Items that nobody's list may have, int64 ``[m]``; None for none.
    """

    def first(block: Tensor, scores: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        if hidden is not None:
            scores[:, hidden] = -torch.inf
        values, best = first_ranked(scores, k)
        return block, best.masked_fill(values == -torch.inf, -1), values

    yield from _of_masked_scores(representations, users, seen, block_cells, first)


def _of_masked_scores(
    representations: Representations,
    users: Tensor,
    seen: AdjacencyLists,
    block_cells: int,
    take: Callable[[Tensor, Tensor], T],
) -> Iterator[T]:
    """What ``take`` makes of each block of users.

    It is given their ids ``[n]`` and their scores of all items ``[n, n_items]``, seen ones -inf.
    """
    items = representations.items.T
    items = items.coalesce() if items.is_sparse else items.contiguous()

    def work(block: Tensor) -> T:
        scores = _scores(representations.users.index_select(0, block), items)
        scores[seen.of(block)] = -torch.inf
        return take(block, scores)

    return by_blocks(users, max(1, block_cells // len(representations.items)), work, "ranking")


def _scores(users: Tensor, items: Tensor) -> Tensor:
    """Dot products ``[n, n_items]`` of ``users [n, dim]`` and ``items [dim, n_items]``.

    Sparse rows that have nothing in common give no score, which is ``-inf``.
    """
    if not users.is_sparse:
        return users @ items
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        product = torch.sparse.mm(users, items).coalesce()
    scores = torch.full(product.shape, -torch.inf, device=product.device)
    scores[tuple(product.indices())] = product.values()
    return scores


@component("evaluator")
class FullRanking:
    """Ranks all items per user, masking training positives only (the toolbox's protocol).

    Validation items are not masked when testing, and items without training interactions are ranked
    like any other.

    Args:
        metrics: Short name to metric, e.g. ``{'recall': @recall}``; reported as ``recall@20``.
        cutoffs: The K's.
        select: Validation metric that chooses the epoch.
        validation_users: How many users are ranked for to validate, always the same ones; None for
            all, or on large data as many as two billion scores allow, at least 10,000. The test is
            of all users.
        block_cells: Scores held at once.

    Raises:
        ConfigError: ``select`` is not among metrics and cut-offs.
    """

    def __init__(
        self,
        *,
        metrics: Annotated[dict[str, Metric], Field(min_length=1)] = REQUIRED,
        cutoffs: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (5, 10, 20, 50),
        select: Text = "recall@20",
        validation_users: PositiveInt | None = None,
        block_cells: Annotated[PositiveInt, HOW_IT_RUNS] = BLOCK_CELLS,
    ) -> None:
        self.metrics, self.cutoffs, self.select = metrics, cutoffs, select
        self.validation_users, self.block_cells = validation_users, block_cells
        names = [f"{name}@{k}" for name in metrics for k in cutoffs]
        if select not in names:
            raise ConfigError(
                f"FullRanking.select = '{select}' is not evaluated",
                keys=("FullRanking.select", "FullRanking.metrics", "FullRanking.cutoffs"),
                hint=f"choose one of {', '.join(names)}",
            )

    def check(self, n_items: int) -> None:
        """Refuse a cut-off that no list of ``n_items`` can reach.

        Raises:
            ConfigError: A cut-off exceeds the number of items.
        """
        if max(self.cutoffs) > n_items:
            raise ConfigError(
                f"FullRanking.cutoffs = {self.cutoffs}, but the data set has {n_items} items",
                keys=("FullRanking.cutoffs",),
                hint=f"the largest legal value is {n_items}",
            )

    def of_validation(self, held_out: HeldOut, n_items: int) -> HeldOut:
        """The validation split for the users that are ranked for.

        Args:
            held_out: The whole split.
            n_items: Number of items.
        """
        return held_out.sample(self.validation_users or enough_users(n_items))

    @torch.no_grad()
    def evaluate(
        self,
        representations: Representations,
        held_out: HeldOut,
        seen: ItemsByUser,
        ranks: Ranks = ALONE,
    ) -> Evaluation:
        """All metrics of one split.

        Args:
            representations: Final representations; the score is their dot product.
            held_out: The split's relevant items.
            seen: Training positives, masked.
            ranks: Each ranks for a share of the users; all have the metrics of all users.
        """
        n, k = len(held_out.users), max(self.cutoffs)
        share = ranks.share(n)
        mine, relevant = share.of(held_out.users), held_out.relevant

        def hits(users: Tensor, scores: Tensor) -> Tensor:
            return _found(scores, *relevant.of(users), k)

        found = _of_masked_scores(representations, mine, seen, self.block_cells, hits)
        return self._measure(ranks.gathered(share, torch.cat([*found]), n), held_out)

    def measure(self, ranked: Tensor, held_out: HeldOut) -> Evaluation:
        """All metrics of given lists ``[n, K]``, a row for each of ``held_out.users [n]``.

        A list may be shorter: it ends with -1 then.
        """
        return self._measure(_hits(held_out.users, ranked, held_out).float(), held_out)

    def lists(
        self, representations: Representations, users: Tensor, seen: ItemsByUser
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """The first items of each user in blocks: ids ``[n]``, and items best first ``[n, K]``.

        A list ends with -1 where its user has seen nearly all items.

        Args:
            representations: Final representations; the score is their dot product.
            users: Ids of the users.
            seen: Training positives, masked.
        """
        k = max(self.cutoffs)
        for block, ranked, _ in best_items(representations, users, seen, k, self.block_cells):
            yield block, ranked

    def _measure(self, hits: Tensor, held_out: HeldOut) -> Evaluation:
        relevant = held_out.relevant.counts[held_out.users].float()
        per_user = {
            f"{name}@{k}": metric(hits, k, relevant).cpu()
            for name, metric in self.metrics.items()
            for k in self.cutoffs
        }
        return Evaluation(held_out.users.cpu(), per_user)


def _found(scores: Tensor, rows: Tensor, items: Tensor, k: int) -> Tensor:
    """1 at each rank below ``k`` of an item ``(row, item)``, else 0; ``[n, k]``."""
    found = scores.new_zeros(len(scores), k)
    at = item_ranks(scores, rows, items, k)
    listed = at < k
    found[rows[listed], at[listed]] = 1
    return found


def _hits(users: Tensor, ranked: Tensor, held_out: HeldOut) -> Tensor:
    """Whether each listed item is relevant to the list's user; bool, as ``ranked [n, K]``."""
    owners = users[:, None].expand_as(ranked).reshape(-1)
    found = held_out.relevant.contains(owners, ranked.reshape(-1)).view_as(ranked)
    return found & (ranked >= 0)


EvaluatorFactory = Annotated[Callable[[], FullRanking], Slot("evaluator")]

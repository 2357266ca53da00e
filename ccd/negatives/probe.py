"""What negatives an epoch drew: how hard, how false, how often the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from ccd.backbones.base import Batch, Representations
from ccd.graphs.items_by_user import ItemsByUser
from ccd.negatives.base import ItemNegatives, Negatives
from ccd.registry import component
from ccd.settings import PositiveInt, Slot

QUANTILES = (0.1, 0.5, 0.9)


class Triplets(NamedTuple):
    """Ids of users, positive items, random and hard negatives, each int64 ``[n]``."""

    users: Tensor
    positives: Tensor
    randoms: Tensor
    hards: Tensor


@component("probe")
class NegativeProbe:
    """Measures the hard negatives of each epoch's first triplets, for ``history.jsonl``.

    It draws nothing and changes nothing; its cost is that of looking up a few rows per epoch.

    Args:
        held_out: Validation positives: a negative among them is a false one.
        hard_weight: Weight of the hard negatives' loss term.
        triplets: Number of triplets per epoch.
    """

    def __init__(
        self, held_out: ItemsByUser, hard_weight: float, *, triplets: PositiveInt = 1024
    ) -> None:
        self._held_out, self._hard_weight, self.triplets = held_out, hard_weight, triplets
        self._seen: list[Triplets] = []
        self._latest: Batch | None = None

    def see(self, batch: Batch, hards: Negatives) -> None:
        """Receive a forward pass's triplets; the first since the last measure are remembered."""
        if batch is self._latest:  # Mirror Gradient's second pass
            return
        self._latest = batch
        missing = self.triplets - sum(len(part.users) for part in self._seen)
        if missing > 0 and isinstance(hards, ItemNegatives):
            ids = (batch.users, batch.positives, batch.negatives, hards.ids)
            self._seen.append(Triplets(*(x[:missing].detach().clone() for x in ids)))

    def measure(self, representations: Representations) -> dict[str, float] | None:
        """Measure the remembered triplets and forget them; None if there are none."""
        if not self._seen:
            return None
        triplets = Triplets(*(torch.cat(ids) for ids in zip(*self._seen, strict=True)))
        self._seen = []
        return measure(triplets, representations, self._held_out, self._hard_weight)


@torch.no_grad()
def measure(
    triplets: Triplets, representations: Representations, held_out: ItemsByUser, hard_weight: float
) -> dict[str, float]:
    """How hard, false and repetitive the negatives of ``triplets`` are.

    - ``hard_to_positive_50``, ``random_to_user_10``, ...: quantiles (per cent) of the cosine of
      the hard (random) negatives to the positive (the user), in ``representations``;
    - ``hard_false``, ``random_false``: share that are held-out positives of their user;
    - ``hard_repeats``, ``random_repeats``: share that another triplet has drawn too, counted
      beyond its first;
    - ``hard_gradient``: share of the hard negatives in the gradients of the two BPR terms with
      respect to the score differences, summed in absolute value.

    Args:
        triplets: At least one.
        representations: Final ones, all users and items.
        held_out: Validation positives.
        hard_weight: Weight of the hard negatives' loss term.
    """
    users = F.embedding(triplets.users, representations.users)
    positives = F.embedding(triplets.positives, representations.items)
    found: dict[str, float] = {}
    pulls = {}
    for name, ids, weight in (
        ("hard", triplets.hards, hard_weight),
        ("random", triplets.randoms, 1 - hard_weight),
    ):
        rows = F.embedding(ids, representations.items)
        for to, anchors in (("positive", positives), ("user", users)):
            cosine = F.cosine_similarity(rows, anchors)
            values = torch.quantile(cosine, torch.tensor(QUANTILES, device=cosine.device))
            for quantile, value in zip(QUANTILES, values.tolist(), strict=True):
                found[f"{name}_to_{to}_{quantile:.0%}".rstrip("%")] = value
        found[f"{name}_false"] = held_out.contains(triplets.users, ids).float().mean().item()
        found[f"{name}_repeats"] = 1 - len(torch.unique(ids)) / len(ids)
        # d/dx of -ln sigmoid(x) is -sigmoid(-x).
        difference = (users * (positives - rows)).sum(dim=1)
        pulls[name] = weight * torch.sigmoid(-difference).sum().item()
    found["hard_gradient"] = pulls["hard"] / max(sum(pulls.values()), 1e-30)
    return found


ProbeFactory = Annotated[Callable[[ItemsByUser, float], NegativeProbe], Slot("probe")]

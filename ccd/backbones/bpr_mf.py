"""BPR-MF: matrix factorisation on ID embeddings."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from ccd.backbones.base import Backbone, Batch, Representations, Rows, Step
from ccd.backbones.fusion import Fusion
from ccd.backbones.initial import xavier_normal
from ccd.backbones.norms import embedding_norm
from ccd.backbones.world import World
from ccd.registry import component
from ccd.settings import NonNegativeFloat


@component("backbone")
class BPRMF(Backbone):
    """Matrix factorisation trained with BPR (Rendle et al. 2012).

    Args:
        world: Sizes and random stream.
        reg_weight: Weight of the norms of the batch's embeddings.
    """

    reads_features = False

    def __init__(self, world: World, *, reg_weight: NonNegativeFloat = 1e-2) -> None:
        super().__init__(world)
        self.reg_weight = reg_weight
        xavier_normal(self.user_embeddings, world.rng)
        xavier_normal(self.item_embeddings, world.rng)

    def forward(self, fusion: Fusion | None = None, rows: Rows | None = None) -> Representations:
        if rows is None:
            return Representations(self.user_embeddings, self.item_embeddings)
        return Representations(
            F.embedding(rows.users, self.user_embeddings),
            F.embedding(rows.items, self.item_embeddings),
        )

    @property
    def splits(self) -> bool:  # type: ignore[override]
        return not self.reg_weight  # the norm of a batch is not a sum over its triplets

    def own_loss(self, step: Step) -> Tensor | None:
        return embedding_penalty(self, step.batch, self.reg_weight)


def embedding_penalty(backbone: Backbone, batch: Batch, weight: float) -> Tensor | None:
    """``weight`` times :func:`embedding_norm` of the batch's ID embeddings, a scalar."""
    if not weight:
        return None
    users, items = backbone.user_embeddings, backbone.item_embeddings
    return weight * embedding_norm(
        # F.embedding and not indexing: its backward is deterministic with several threads.
        F.embedding(batch.users, users),
        F.embedding(batch.positives, items),
        F.embedding(batch.negatives, items),
    )

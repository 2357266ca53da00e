"""VBPR: matrix factorisation on ID embeddings beside projected raw features (He, McAuley 2016)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ccd.backbones.base import Backbone, Representations, Rows, Step
from ccd.backbones.fusion import Fusion
from ccd.backbones.initial import xavier_uniform
from ccd.backbones.norms import embedding_norm
from ccd.backbones.projector import LinearProjector
from ccd.backbones.world import World
from ccd.registry import component
from ccd.settings import NonNegativeFloat


@component("backbone")
class VBPR(Backbone):
    """Items are ``[e_i ; W x_i]`` with ``x_i`` all raw features of the item, users as wide.

    Users and items therefore have ``2 dim`` numbers; there are no bias terms in the score. As in
    the toolbox, ``W`` maps the concatenation of every modality.

    Args:
        world: Sizes, projector and random stream.
        reg_weight: Weight of the norms of the batch's representations.

    Raises:
        ConfigError: The data set has no features.
    """

    def __init__(self, world: World, *, reg_weight: NonNegativeFloat = 1e-2) -> None:
        world.require_features("VBPR")
        super().__init__(world)
        self.reg_weight = reg_weight
        self.user_embeddings = nn.Parameter(
            torch.empty(world.n_users, 2 * world.dim, device=world.device)
        )
        xavier_uniform(self.user_embeddings, world.rng)
        xavier_uniform(self.item_embeddings, world.rng)
        _initialise_as_one(world.projector, world.rng)

    def forward(self, fusion: Fusion | None = None, rows: Rows | None = None) -> Representations:
        users: Tensor = self.user_embeddings
        items: Tensor = self.item_embeddings
        wanted = torch.arange(len(items), device=items.device) if rows is None else rows.items
        if rows is not None:
            users, items = F.embedding(rows.users, users), F.embedding(rows.items, items)
        # One affine map of the concatenated features is the sum of one per modality.
        return Representations(users, torch.cat([items, self.projector(wanted).sum(dim=1)], dim=1))

    @property
    def splits(self) -> bool:  # type: ignore[override]
        return not self.reg_weight  # the norm of a batch is not a sum over its triplets

    def own_loss(self, step: Step) -> Tensor | None:
        if not self.reg_weight:
            return None
        return self.reg_weight * embedding_norm(step.users, step.positives, step.negatives)


def _initialise_as_one(projector: LinearProjector, rng: torch.Generator) -> None:
    """Glorot's normal weights of the modalities' maps, taken as one map; no bias."""
    outputs = [m for m in projector.maps.values() if isinstance(m, nn.Linear)]
    n_in, n_out = sum(x.in_features for x in outputs), outputs[0].out_features
    with torch.no_grad():
        for output in outputs:
            output.weight.normal_(0.0, (2.0 / (n_in + n_out)) ** 0.5, generator=rng)
            output.bias.zero_()

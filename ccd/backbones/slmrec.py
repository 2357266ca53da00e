"""SLMRec: self-supervised contrast of IDs and modalities on the user-item graph (Tao et al. 2022).

This is the task "FAC" (fine and coarse) of the authors; feature dropout and masking are others.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ccd.backbones.base import Backbone, Representations, Rows, Step
from ccd.backbones.fusion import Fusion
from ccd.backbones.initial import xavier_uniform
from ccd.backbones.lightgcn import convolve
from ccd.backbones.norms import unit_rows
from ccd.backbones.projector import linear
from ccd.backbones.world import World
from ccd.graphs.user_item import UserItemGraph
from ccd.losses.info_nce import info_nce
from ccd.registry import component
from ccd.settings import NonNegativeFloat, NonNegativeInt, PositiveFloat


@component("backbone")
class SLMRec(Backbone):
    """Views of the item by ID and by each modality, propagated alike, contrasted and merged.

    All views share the user embeddings. The first contrast, in the fine space, is of the ID view
    and the data set's first modality. Each further modality is contrasted in a coarser space with
    the same anchor taken one step on; with two modalities this is the authors' model.

    Args:
        world: Interactions, features, sizes, engine and random stream.
        n_layers: Layers over the user-item graph.
        temperature: Of the contrast of users with their items, by cosine.
        ssl_temperature: Of the contrasts of views, by dot product.
        ssl_weight: Weight of the contrasts of views.

    Raises:
        ConfigError: The data set has fewer than two modalities.
    """

    trains_on_negatives = False

    def __init__(
        self,
        world: World,
        *,
        n_layers: NonNegativeInt = 3,
        temperature: PositiveFloat = 0.2,
        ssl_temperature: PositiveFloat = 0.2,
        ssl_weight: NonNegativeFloat = 0.1,
    ) -> None:
        world.require_features("SLMRec", least=2)
        super().__init__(world)
        self.n_layers, self.temperature = n_layers, temperature
        self.ssl_temperature, self.ssl_weight = ssl_temperature, ssl_weight
        self.graph = UserItemGraph(
            world.users, world.items, world.n_users, world.n_items, world.engine
        )
        xavier_uniform(self.user_embeddings, world.rng)
        xavier_uniform(self.item_embeddings, world.rng)
        self._features = [unit_rows(table) for table in world.feature_tables().values()]
        dim, n_further = world.dim, len(self._features) - 1
        self.n_views = 1 + len(self._features)

        def glorot(n_in: int, n_out: int) -> nn.Linear:
            layer = linear(n_in, n_out, world.rng, world.device)
            xavier_uniform(layer.weight, world.rng)
            return layer

        self.projections = nn.ModuleList(glorot(x.shape[1], dim) for x in self._features)
        self.merge_users = glorot(self.n_views * dim, dim)
        self.merge_items = glorot(self.n_views * dim, dim)
        self.fine = nn.ModuleList(glorot(dim, dim) for _ in range(2))
        self.onward = nn.ModuleList(glorot(dim, dim) for _ in range(n_further))
        self.coarse_anchors = nn.ModuleList(glorot(dim, dim // 2) for _ in range(n_further))
        self.coarse_targets = nn.ModuleList(glorot(dim, dim // 2) for _ in range(n_further))

    def forward(self, fusion: Fusion | None = None, rows: Rows | None = None) -> Representations:
        projected = [p(x) for p, x in zip(self.projections, self._features, strict=True)]
        # The views side by side: one convolution of wide rows is faster than one each.
        users = self.user_embeddings.repeat(1, self.n_views)
        items = torch.cat([self.item_embeddings, *projected], dim=1)
        users, items, _ = convolve(self.graph, users, items, self.n_layers, rows)
        return Representations(self.merge_users(users), self.merge_items(items), items)

    def own_loss(self, step: Step) -> Tensor:
        users, items, state = step.output
        rows = step.index
        main = info_nce(users, items, self.temperature, (rows.users, rows.positives))
        if not self.ssl_weight:
            return main
        distinct, positives = torch.unique(rows.positives, return_inverse=True)
        views = F.embedding(distinct, state).chunk(self.n_views, dim=1)
        return main + self.ssl_weight * self._contrast(views, positives)

    def _contrast(self, views: tuple[Tensor, ...], rows: Tensor) -> Tensor:
        """The contrasts of items by ID and by each modality.

        Args:
            views: By ID, then by each modality ``[n, dim]``.
            rows: The batch's rows of them ``[batch]``.
        """

        def contrast(anchors: Tensor, targets: Tensor) -> Tensor:
            return info_nce(anchors, targets, self.ssl_temperature, (rows, rows), normalise=False)

        anchors = self.fine[0](views[0])
        loss = contrast(anchors, self.fine[1](views[1]))
        chain = zip(self.onward, self.coarse_anchors, self.coarse_targets, views[2:], strict=True)
        for onward, to_anchors, to_targets, view in chain:
            anchors = onward(anchors)
            loss = loss + contrast(to_anchors(anchors), to_targets(view))
        return loss

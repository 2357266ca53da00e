"""What a finished run would say if its items lacked a modality."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from ccd.backbones.base import Representations
from ccd.datasets.dataset import Dataset
from ccd.datasets.left_out import without_modality
from ccd.finished.runs import FinishedRun
from ccd.training.recommender import Recommender


def without_each(
    run: FinishedRun, model: Recommender, dataset: Dataset
) -> Iterator[tuple[str, Representations]]:
    """What the trained model gives without each modality; nothing where it reads no features.

    As no item has the modality, its item graph has no share in the scores, its features are what
    the model takes for an item that lacks them, and DMA denoises under the condition of the others.
    Items that only features place are placed by the others.

    Args:
        run: The run.
        model: Its model, as it was tested.
        dataset: What the model was built on.
    """
    if not (model.backbone.reads_features or model.aligner is not None):
        return
    for modality in dataset.features:
        yield modality, _without(run, model, dataset, modality)


def _without(
    run: FinishedRun, model: Recommender, dataset: Dataset, modality: str
) -> Representations:
    left, weights = run.untrained(without_modality(dataset, modality)), model.state_dict()
    table = f"backbone.projector.tables.{modality}"  # where features are trained
    if table in weights:
        weights[table] = torch.zeros_like(weights[table])
    left.restore(weights, None)
    left.place_cold_items()
    if model.sample is not None:
        # The sample's own noise is gone. So it changes by what other noise makes of the change.
        before, after = (one.resample(torch.Generator().manual_seed(0)) for one in (model, left))
        assert before is not None, "the model has DMA, and so has the other"
        assert after is not None, "the model has DMA, and so has the other"
        left.restore(left.state_dict(), model.sample + after - before)
    return left.infer()

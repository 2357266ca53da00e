"""A finished run with items that came after it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from ccd.arguments import as_path
from ccd.backbones.base import Representations
from ccd.datasets.new_items import NewItems, extended
from ccd.errors import ConfigError
from ccd.importing.new_items import read_new_items
from ccd.runs.folder import SAMPLE_TENSOR
from ccd.training.transfer import Matching, carried_over

if TYPE_CHECKING:
    from ccd.datasets.dataset import Dataset
    from ccd.finished.runs import FinishedRun
    from ccd.training.recommender import Recommender


def with_new_items(
    run: FinishedRun, dataset: Dataset, new: NewItems
) -> tuple[Dataset, Representations]:
    """The run's data set and representations, new items behind those that it was trained on.

    A new item's ID embedding is the mean of its nearest items' in the run's own item graph, and DMA
    samples it as it samples the others. Its vector is brought to the scale of theirs by the run's
    rule (``Experiment.cold_items``), or by ccd's where it has none. The vectors of users and of the
    other items stay what they are.

    Raises:
        ConfigError: The model cannot place items by features.
        DataError: No item is new, or the features are of another kind.
    """
    more = extended(dataset, new)
    found, tested = model_with_new_items(run, dataset, more).infer(), run.representations
    if found.items.is_sparse:  # a table of neighbours is as wide as the catalogue
        return more, found
    joined = torch.cat([tested.items, found.items[dataset.n_items :]])
    return more, Representations(tested.users, joined)


def model_with_new_items(run: FinishedRun, dataset: Dataset, more: Dataset) -> Recommender:
    """The run's model with new items placed and sampled.

    Args:
        run: A finished run.
        dataset: What it was trained on.
        more: The same with new items behind.

    Raises:
        ConfigError: The model cannot place items by features.
    """
    model = run.experiment.assemble(more, run.result.seed)
    items = np.arange(more.n_items)
    items[dataset.n_items :] = -1
    model.restore(carried_over(model, run.weights, Matching(np.arange(more.n_users), items)), None)
    model.place_cold_items()
    model.reverse(epoch=0)
    if model.sample is not None:  # what was tested stays
        sample = torch.cat([run.tensors[SAMPLE_TENSOR], model.sample[dataset.n_items :]])
        model.restore(model.state_dict(), sample)
    return model


def served(
    run: FinishedRun,
    data_dir: str | Path | None = None,
    new_items: str | Path | NewItems | None = None,
) -> tuple[Dataset, Representations]:
    """The data set and representations of a run, with new items where there are any.

    Args:
        run: A finished run.
        data_dir: Folder to look for the data set in first.
        new_items: Their features, or the folder that has them.

    Raises:
        ConfigError: There is no such folder, or the model cannot place items by features.
        DataError: Data are missing or wrong, or no item is new.
    """
    dataset = run.dataset(data_dir)
    if new_items is None:
        return dataset, run.representations
    if not dataset.features:
        raise ConfigError(
            f"data set '{dataset.name}' has no features, by which new items could be placed",
            keys=("--new-items",),
            hint="train on a data set with features",
        )
    if not isinstance(new_items, NewItems):
        new_items = read_new_items(as_path("new_items", new_items), list(dataset.features))
    return with_new_items(run, dataset, new_items)

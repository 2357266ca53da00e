"""A data set without one of its modalities."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ccd.datasets.dataset import Dataset


def without_modality(dataset: Dataset, modality: str) -> Dataset:
    """The data set as if no item had ``modality``: all its rows are zero, nobody has neighbours.

    The other modalities are what they are, and so is all that was measured to weigh them.
    """
    nothing = np.zeros_like(dataset.features[modality])
    nothing.flags.writeable = False
    return replace(
        dataset,
        features={**dataset.features, modality: nothing},
        neighbours={name: x for name, x in dataset.neighbours.items() if name != modality},
        complete=dataset.complete or dataset,
    )

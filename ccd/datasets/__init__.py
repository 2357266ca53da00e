"""Data sets: what one is, reading one from files, generating one whose truth is known."""

from ccd.datasets.dataset import Dataset, Interactions, Neighbours
from ccd.datasets.imported import imported_dataset
from ccd.datasets.locate import data_folders
from ccd.datasets.mmrec import mmrec_dataset
from ccd.datasets.planted import planted_world

__all__ = [
    "Dataset",
    "Interactions",
    "Neighbours",
    "data_folders",
    "imported_dataset",
    "mmrec_dataset",
    "planted_world",
]

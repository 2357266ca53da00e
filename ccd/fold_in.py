"""The vector of somebody whom a model does not know, from the items that they took."""

from __future__ import annotations

import numpy as np


def fold_in(items: np.ndarray) -> np.ndarray:
    """The mean of items' vectors ``[n, dim]``: what a history stands for, ``[dim]``.

    Their inner product with an item's vector is the score of an item-based recommender in the
    space that the model learned, whichever backbone learned it.
    """
    mean: np.ndarray = items.mean(axis=0)
    return mean

"""One hash over all content of a data set, so that caches and manifests notice any change."""

from __future__ import annotations

import hashlib

import numpy as np

from ccd.datasets.dataset import Dataset


def fingerprint(dataset: Dataset) -> str:
    """SHA-256 of sizes, splits, ids, features and neighbours as they are used; not of the name."""
    digest = hashlib.sha256(f"{dataset.n_users} {dataset.n_items}".encode())
    for split, part in (("train", dataset.train), ("valid", dataset.valid), ("test", dataset.test)):
        _update(digest, f"{split}.users", part.users)
        _update(digest, f"{split}.items", part.items)
    for kind, ids in (("user", dataset.user_ids), ("item", dataset.item_ids)):
        if ids:
            _update(digest, f"{kind}_ids", np.frombuffer("\n".join(ids).encode(), dtype=np.uint8))
    for modality, array in sorted(dataset.features.items()):
        _update(digest, f"features.{modality}", array)
    for modality, neighbours in sorted(dataset.neighbours.items()):
        _update(digest, f"neighbours.{modality}.indices", neighbours.indices)
        _update(digest, f"neighbours.{modality}.cosine", neighbours.cosine)
    return digest.hexdigest()


def _update(digest: hashlib._Hash, key: str, array: np.ndarray) -> None:
    digest.update(f"|{key} {array.dtype.str} {array.shape}|".encode())
    digest.update(np.ascontiguousarray(array).data.cast("B"))

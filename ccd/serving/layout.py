"""The files of an exported folder, by name."""

from __future__ import annotations

MANIFEST_FILE = "export.json"
CARD_FILE = "MODEL_CARD.md"
USERS_FILE = "users.parquet"
ITEMS_FILE = "items.parquet"
USER_VECTORS_FILE = "user_vectors.npy"
ITEM_VECTORS_FILE = "item_vectors.npy"
TENSORS_FILE = "vectors.safetensors"
SEEN_FILE = "seen.npz"
INDEX_FILES = {"usearch": "items.usearch", "hnswlib": "items.hnsw", "faiss": "items.faiss"}

FORMAT = "ccd export"
VERSION = 1
"""What ``export.json`` says it is; another program's folder says something else."""

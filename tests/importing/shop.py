"""A generated shop, as untidy as real ones: what 'Your catalogue in ten minutes' imports."""

from __future__ import annotations

import csv
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

N_USERS, N_ITEMS, N_NEW, N_KINDS = 200, 120, 40, 6


def write_shop(folder: Path) -> None:
    """Write events, items, vectors of texts, and one file of image features per item.

    Customers like two of six kinds of things. ``events.parquet`` has views, carts and purchases
    with ISO times, repeated ones, and items that ``items.csv`` lacks; ``items.csv`` begins with a
    byte order mark, has commas in its names, names that are missing, and 40 items that nobody has
    seen yet; ``text.parquet`` has vectors for 93 % of the items, in another order.
    """
    rng = np.random.Generator(np.random.PCG64(20))
    (folder / "images").mkdir(parents=True)
    skus = [f"{k:06d}" for k in range(N_ITEMS + N_NEW)]
    kinds = rng.integers(0, N_KINDS, len(skus))
    _write_events(folder, rng, skus, kinds)
    with (folder / "items.csv").open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("sku", "title", "description", "price", "in_stock"))
        for sku, kind in zip(skus, kinds, strict=True):
            title = "" if rng.random() < 0.05 else f"Thing {sku}, kind {kind}"
            about = f"A thing of kind {kind},\nwith a second line"
            writer.writerow((sku, title, about, f"{rng.random() * 90:.2f}", rng.random() < 0.9))
    centres = rng.normal(size=(N_KINDS, 16))
    vectors = (centres[kinds] + 0.3 * rng.normal(size=(len(skus), 16))).astype(np.float32)
    some = rng.permutation(len(skus))[: round(0.93 * len(skus))]
    texts = {"sku": [skus[k] for k in some], "vector": [vectors[k].tolist() for k in some]}
    parquet.write_table(pa.table(texts), folder / "text.parquet")
    for sku, vector in zip(skus, vectors, strict=True):
        noisy = vector + 0.3 * rng.normal(size=16).astype(np.float32)
        np.save(folder / "images" / f"{sku}.npy", noisy)


def _write_events(
    folder: Path, rng: np.random.Generator, skus: list[str], kinds: np.ndarray
) -> None:
    rows = []
    for user in range(N_USERS):
        liked = rng.choice(N_KINDS, 2, replace=False)
        choice = np.flatnonzero(np.isin(kinds[:N_ITEMS], liked))
        for item in rng.choice(choice, min(len(choice), int(rng.integers(12, 30))), replace=False):
            kind = rng.choice(["view", "cart", "purchase"], p=[0.3, 0.2, 0.5])
            rows.append((f"{user:08d}", skus[item], kind))
    rows += [rows[k] for k in rng.integers(0, len(rows), 100)]
    rows += [(f"{k:08d}", f"9{k:05d}", "purchase") for k in range(15)]
    seconds = rng.integers(1_704_067_200, 1_719_792_000, len(rows))
    times = [datetime.fromtimestamp(int(s), timezone.utc).isoformat() for s in seconds]
    customers, items, types = zip(*rows, strict=True)
    table = {"customer_id": customers, "sku": items, "type": types, "created_at": times}
    parquet.write_table(pa.table({k: list(v) for k, v in table.items()}), folder / "events.parquet")

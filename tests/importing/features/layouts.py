"""The same vectors in every layout that an import reads."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet
from safetensors.numpy import save_file

from ccd.importing.features import FeatureSource

Layout = Callable[[Path, Sequence[str], np.ndarray], FeatureSource]


def ids_file(folder: Path, ids: Sequence[str]) -> Path:
    path = folder / "order.txt"
    path.write_text("".join(f"{one}\n" for one in ids))
    return path


def parquet_lists(folder, ids, vectors):
    lists = pa.array(
        [row.tolist() for row in vectors], pa.list_(pa.from_numpy_dtype(vectors.dtype))
    )
    parquet.write_table(pa.table({"emb": lists, "item_id": pa.array(ids)}), folder / "f.parquet")
    return FeatureSource("text", str(folder / "f.parquet"))


def parquet_fixed_lists(folder, ids, vectors):
    flat = pa.array(vectors.astype(np.float32).ravel())
    lists = pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])
    table = pa.table({"item_id": pa.array(ids), "emb": lists, "price": pa.array([1.0] * len(ids))})
    parquet.write_table(table, folder / "f.parquet", row_group_size=3)
    return FeatureSource("text", str(folder / "f.parquet"))


def shards(folder, ids, vectors):
    where = folder / "shards"
    where.mkdir()
    for part, rows in enumerate(np.array_split(np.arange(len(ids)), min(3, len(ids)))):
        table = pa.table({"id": [ids[r] for r in rows], "emb": [vectors[r].tolist() for r in rows]})
        parquet.write_table(table, where / f"part-{part}.parquet")
    return FeatureSource("text", str(where))


def float_seq(folder, ids, vectors):
    rows = zip(ids, vectors.tolist(), strict=True)
    lines = [f"{i}\tA title, 2\t{' '.join(map(repr, v))}" for i, v in rows]
    header = "item_id:token\ttitle:token_seq\temb:float_seq"
    (folder / "shop.item").write_text("\n".join([header, *lines]) + "\n")
    return FeatureSource("text", str(folder / "shop.item"))


def json_lines(folder, ids, vectors):
    lines = [json.dumps({"asin": i, "e": v}) for i, v in zip(ids, vectors.tolist(), strict=True)]
    (folder / "f.jsonl").write_text("\n".join(lines) + "\n")
    return FeatureSource("text", str(folder / "f.jsonl"))


def wide_csv(folder, ids, vectors):
    header = ",".join(["itemID", *(f"f{i}" for i in range(vectors.shape[1]))])
    lines = [",".join([i, *map(repr, v)]) for i, v in zip(ids, vectors.tolist(), strict=True)]
    (folder / "f.csv").write_text("\ufeff" + "\r\n".join([header, *lines]) + "\r\n")
    return FeatureSource("text", str(folder / "f.csv"))


def npy_beside_ids(folder, ids, vectors):
    np.save(folder / "f.npy", vectors)
    return FeatureSource("text", str(folder / "f.npy"), str(ids_file(folder, ids)))


def npz(folder, ids, vectors):
    np.savez_compressed(folder / "f.npz", ids=np.array(ids), vectors=vectors)
    return FeatureSource("text", str(folder / "f.npz"))


def safetensors(folder, ids, vectors):
    save_file({"e": np.ascontiguousarray(vectors)}, folder / "f.safetensors")
    ids_file(folder, ids).rename(folder / "f.ids.txt")
    return FeatureSource("text", str(folder / "f.safetensors"))


def ducho(folder, ids, vectors):
    where = folder / "visual_embeddings" / "torch" / "ResNet50"
    where.mkdir(parents=True)
    for item, vector in zip(ids, vectors, strict=True):
        np.save(where / f"{item}.npy", vector[None])
    return FeatureSource("text", str(folder / "visual_embeddings"))


ALL: list[Layout] = [
    parquet_lists, parquet_fixed_lists, shards, float_seq, json_lines, wide_csv, npy_beside_ids,
    npz, safetensors, ducho,
]  # fmt: skip

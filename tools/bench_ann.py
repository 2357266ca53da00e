"""Approximate indexes side by side: build time, recall and time per query, on one thread.

    python tools/bench_ann.py --items 100000
    python tools/bench_ann.py --items 300000 --index usearch

Vectors are drawn from clusters of unequal length, as a trained model's are: longer ones, those of
popular items, win many inner products.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from ccd.serving.index import ExactIndex, UsearchIndex, write_index
from ccd.serving.layout import INDEX_FILES

K = 20
EXPANSION = 256


def vectors(n: int, dim: int, rng: np.random.Generator) -> np.ndarray:
    centres = rng.standard_normal((256, dim))
    rows = centres[rng.integers(256, size=n)] + 0.7 * rng.standard_normal((n, dim))
    return (rows * rng.lognormal(0, 0.4, size=(n, 1))).astype(np.float32)


def opened(kind: str, path: Path, dim: int) -> Callable[[np.ndarray], np.ndarray]:
    if kind == "usearch":
        ours = UsearchIndex(path)
        return lambda query: ours.search(query[None], K)[0]
    if kind == "hnswlib":
        import hnswlib

        index: Any = hnswlib.Index(space="ip", dim=dim)
        index.load_index(str(path))
        index.set_ef(EXPANSION)
        return lambda query: np.asarray(index.knn_query(query, K, num_threads=1)[0][0])
    import faiss

    faiss.omp_set_num_threads(1)
    index = faiss.read_index(str(path))
    index.hnsw.efSearch = EXPANSION
    return lambda query: np.asarray(index.search(query[None], K)[1][0])


def timed(
    search: Callable[[np.ndarray], np.ndarray], queries: np.ndarray
) -> tuple[list[np.ndarray], str]:
    """What each query finds, and how long it took: the mean, the median and the 99th percentile."""
    found, times = [], []
    for query in queries:
        started = time.perf_counter()
        found.append(search(query))
        times.append((time.perf_counter() - started) * 1e3)
    p50, p99 = np.percentile(times, [50, 99])
    return found, f"{np.mean(times):7.3f} ms a query (p50 {p50:.3f}, p99 {p99:.3f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--index", choices=list(INDEX_FILES), nargs="+", default=list(INDEX_FILES))
    given = parser.parse_args()
    rng = np.random.default_rng(0)
    items = vectors(given.items, given.dim, rng)
    queries = vectors(given.queries, given.dim, rng)
    exact = ExactIndex(items)
    lists, spent = timed(lambda query: exact.search(query[None], K)[0], queries)
    expected = [set(found.tolist()) for found in lists]
    print(f"{given.items:,} items of {given.dim} dimensions, the best {K} of each query")
    print(f"exact     build    0.0 s  recall 1.000  {spent}")
    with TemporaryDirectory() as folder:
        for kind in given.index:
            path = Path(folder) / INDEX_FILES[kind]
            started = time.perf_counter()
            write_index(kind, items, path)
            built = time.perf_counter() - started
            search = opened(kind, path, given.dim)
            found, spent = timed(search, queries)
            pairs = zip(found, expected, strict=True)
            recall = np.mean([len(good & {*map(int, row)}) / K for row, good in pairs])
            print(
                f"{kind:9} build {built:6.1f} s  recall {recall:.3f}  "
                f"{spent}, {path.stat().st_size / 1e6:.0f} MB"
            )


if __name__ == "__main__":
    main()

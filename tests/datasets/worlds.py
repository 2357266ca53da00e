"""Planted worlds small enough for tests."""

from __future__ import annotations

from typing import Any

from ccd.datasets import Dataset, planted_world


def small_world(**settings: Any) -> Dataset:
    return planted_world([], **({"n_users": 200, "n_items": 150, "n_clusters": 10} | settings))

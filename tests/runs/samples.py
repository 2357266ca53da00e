"""Small results, as a real run would hand them over."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open

from ccd.config.identity import Settings
from ccd.negative_source import NegativeSource
from ccd.runs.per_user import PerUser
from ccd.runs.records import EpochRecord, Plan, RunResult
from ccd.runs.writing import RunFolder

VARIANTS = ("FREEDOM", "FREEDOM+DMA", "FREEDOM+DMA+NDI", "FREEDOM+DMA+NDI+CNS")
METRICS = ("recall@5", "recall@10", "recall@20", "ndcg@5", "ndcg@10", "ndcg@20")
SETTINGS = Settings(
    {"Trainer.learning_rate": "0.001", "LossMix.hard_weight": "0.8"}, {"Experiment.threads": "1"}
)


def make_plan(
    out: Path = Path("runs/x"),
    seeds: tuple[int, ...] = (999,),
    variants: tuple[str, ...] = VARIANTS,
) -> Plan:
    runs = tuple((variant, seed) for seed in seeds for variant in variants)
    return Plan("ablation", "planted", runs, "recall@20", "FREEDOM", out, variants)


def make_result(variant: str, seed: int = 999, value: float = 0.05, epochs: int = 40) -> RunResult:
    metrics = {name: value * (2 if name.startswith("recall") else 1) for name in METRICS}
    seconds = {"train": 60.0, "total": 120.0}
    return RunResult(variant, seed, "planted", 30, epochs, dict(metrics), metrics, seconds, 321.5)


def make_epoch(
    variant: str,
    seed: int = 999,
    epoch: int = 0,
    max_epochs: int = 100,
    value: float = 0.1,
    source: NegativeSource = NegativeSource.of_pool(2, 4),  # noqa: B008 - frozen
) -> EpochRecord:
    return EpochRecord(
        variant, seed, epoch, max_epochs, {"total": 0.41, "bpr": 0.3}, source,
        {"recall@10": value / 2, "recall@20": value}, 0.12, 3, 20,
        {"train": 1.5, "sample": 0.3, "evaluate": 0.2},
    )  # fmt: skip


def make_per_user(shift: float = 0.0, n: int = 60, seed: int = 0) -> PerUser:
    """Values of ``n`` users, the same for the same seed but for ``shift``."""
    values = np.random.default_rng(seed).random(n) + shift
    return PerUser(np.arange(n) * 3, {name: values.astype(np.float32) for name in METRICS})


def finish(
    folder: RunFolder, result: RunResult, *, shift: float = 0.0, fingerprint: str = "f00d"
) -> None:
    """Begin, train one epoch of and finish a run."""
    begun = folder.begin(result.variant, result.seed, settings=SETTINGS, fingerprint=fingerprint)
    assert begun is None
    folder.record_epoch(make_epoch(result.variant, result.seed))
    folder.record_finished(
        result,
        tensors={"items": torch.full((3, 2), result.valid["recall@20"])},
        per_user=make_per_user(shift),
        operative="Trainer.learning_rate = 0.001\n",
    )


def open_folder(path: Path) -> RunFolder:
    return RunFolder(path, metric="recall@20")


def read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def read_metadata(path: Path) -> dict[str, str]:
    with safe_open(path, framework="pt") as file:
        return file.metadata()

"""``MODEL_CARD.md``: what a model was trained on, how good it is, and what it cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ccd.analysis.tables import main_metrics
from ccd.statistics.bootstrap import bootstrap

if TYPE_CHECKING:
    from ccd.datasets.dataset import Dataset
    from ccd.finished.runs import FinishedRun

_RESAMPLES = 1000
_CONFIDENCE = 0.95


def model_card(run: FinishedRun, dataset: Dataset) -> str:
    """The card as Markdown.

    Args:
        run: A finished run.
        dataset: What it was trained on, with items that came later behind its own.
    """
    result, later = run.result, dataset.n_new_items
    new_items = f", and {later:,} that came after training" if later else ""
    epochs = f"{result.epochs} epochs, the best was number {result.best_epoch + 1}"
    seconds = result.seconds.get("total", sum(result.seconds.values()))
    parts = [
        f"# {_plain(result.variant)} on {_plain(dataset.name)}, seed {result.seed}",
        "A recommender trained with ccd. It scores an item for a user by the inner product of "
        "their vectors.",
        "| | |\n| --- | --- |\n"
        f"| data set | {_plain(dataset.name)}, fingerprint `{run.fingerprint}` |\n"
        f"| users, items | {dataset.n_users:,}, {dataset.n_items - later:,}{new_items} |\n"
        f"| train / validation / test | {len(dataset.train):,} / {len(dataset.valid):,} / "
        f"{len(dataset.test):,} interactions |\n"
        f"| modalities | {', '.join(map(_plain, dataset.features)) or 'none'} |\n"
        f"| training | {epochs}; {seconds:,.0f} s; at most {result.peak_rss_mb:,.0f} MB |\n"
        "| licence | to be filled in by whoever publishes the model |",
        "## How good it is",
        *_quality(run),
        "## What to know before it is used",
        "- Users and items without training interactions have vectors that say little of them.\n"
        "- The lists repeat what was popular and liked in the data; whoever is missing from the "
        "data is missing here.\n"
        "- `seen.npz` holds the interactions of all splits, so that they are not shown again.",
        "## Settings",
        "```\n" + "\n".join(f"{key} = {value}" for key, value in run.settings.items()) + "\n```",
    ]
    return "\n\n".join(parts) + "\n"


def _quality(run: FinishedRun) -> list[str]:
    if run.result.refit is not None:
        return [
            "A refit: trained on all data, for as many epochs as an earlier run had at its best. "
            "So nothing of it is measured; that run says what to expect."
        ]
    return [
        "Test split, opened once, at the epoch that was best on validation. The interval is that "
        f"of the mean over users ({_CONFIDENCE:.0%}, {_RESAMPLES:,} bootstrap resamples).",
        _metrics(run),
    ]


def _metrics(run: FinishedRun) -> str:
    """A table of the main test metrics with their intervals."""
    per_user = run.per_user.metrics
    names = [name for name in main_metrics(list(run.result.test)) if name in per_user]
    values = [np.asarray(per_user[name], dtype=np.float64)[None] for name in names]
    intervals = bootstrap(values, resamples=_RESAMPLES, confidence=_CONFIDENCE, seed=0)
    rows = [
        f"| {name} | {run.result.test[name]:.4f} | {interval.low:.4f} to {interval.high:.4f} |"
        for name, interval in zip(names, intervals, strict=True)
    ]
    return "\n".join(["| metric | value | interval |", "| --- | ---: | ---: |", *rows])


def _plain(text: str) -> str:
    """A name that breaks no table: on one line, without bars."""
    return " ".join(text.split()).replace("|", "\\|")

"""The winner of a study: trained on several seeds, the only setting that opens the test split."""

from __future__ import annotations

from ccd.ablation import RunResults, run
from ccd.errors import CcdError
from ccd.runs.records import Observer
from ccd.search.result import write_best
from ccd.search.studies import Opened
from ccd.search.target import Target


def run_winner(opened: Opened, *, seeds: tuple[int, ...], observer: Observer) -> RunResults:
    """Train the best setting on several seeds and open the test split for it alone.

    Args:
        opened: The study.
        seeds: Seeds; none for those of ``Search.test_seeds``.
        observer: Told about progress.

    Raises:
        CcdError: No trial is complete, or the recipe was edited since.
    """
    written = write_best(opened)
    if written is None:
        raise CcdError(
            f"study '{opened.study.name}' has no complete trial, so there is nothing to test"
        )
    best, path, _ = written
    source = opened.order.source
    target = Target(source)
    return run(
        source.recipe,
        bindings=source.bindings,
        only=[target.variant],
        seeds=seeds or target.search.test_seeds,
        dataset=source.dataset,
        data_dir=source.data_dir,
        with_files=[*source.with_files, path],
        out=opened.folder / f"test-trial-{best.slot}",
        allow_imports=source.allow_imports,
        observer=observer,
    )

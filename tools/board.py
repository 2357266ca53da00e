"""A table of every system of some run folders: quality with intervals, tests, and what it costs.

    python tools/board.py RUNS/BABY... [--figure STEM] > board.md

Folders of one data set make one table, in the order of the first metric. Intervals are 95 % over
users, of the mean over seeds; the tests are those of ``ccd compare`` against the best row. Seconds
are the machine's of the runs, under the load that it had.
"""

from __future__ import annotations

import argparse
import math
import statistics
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ccd.analysis.comparing import Compared, compare, gather
from ccd.analysis.paper import load_paper, load_toolbox
from ccd.finished.runs import FinishedRun
from ccd.statistics.comparison import Comparison
from ccd.statistics.paired_tests import wilcoxon

METRICS = ("recall@10", "recall@20", "ndcg@10", "ndcg@20")
HEAD = (
    "system", "seeds", "R@10", "R@20", "N@10", "N@20", "to the best", "printed R@10", "epochs",
    "s / epoch", "minutes", "peak MB", "parameters",
)  # fmt: skip
PRINTED = {
    "baby": {"PGL": 0.0676, "SOIL": 0.0680, "GUME": 0.0673, "SMORE": 0.0680, "LGMRec": 0.0644,
             "REARM": 0.0702, "DA-MRS": 0.0650},
    "sports": {"PGL": 0.0789, "SOIL": 0.0786, "GUME": 0.0778, "SMORE": 0.0762, "LGMRec": 0.0719,
               "DA-MRS": 0.0751},
}  # fmt: skip
"""R@10 of systems that neither the paper nor the toolbox has, from their authors' tables."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--figure", type=Path, help="draw STEM.png and STEM.svg")
    arguments = parser.parse_args()
    runs = list(gather(arguments.folders)[0].values())
    print(board(arguments.folders, runs))
    if arguments.figure:
        from ccd.figures.style import save
        from ccd.figures.tradeoff import draw_tradeoff

        save(draw_tradeoff([run.result for run in runs], METRICS[0]), arguments.figure)


def board(folders: Sequence[Path], runs: Sequence[FinishedRun]) -> str:
    """The Markdown table of the runs of one data set."""
    by_variant: dict[str, list[FinishedRun]] = {}
    for run in runs:
        by_variant.setdefault(run.result.variant, []).append(run)
    names = sorted(by_variant, key=lambda name: -_mean(by_variant[name], METRICS[0]))
    comparison = Comparison(test=wilcoxon, resamples=1)
    found = compare(folders, comparison=comparison, baseline=names[0], metrics=METRICS)
    lines = [HEAD, ("---", *["---:"] * (len(HEAD) - 1))]
    lines += [_row(name, by_variant[name], found) for name in names]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _row(name: str, runs: Sequence[FinishedRun], found: Compared) -> tuple[str, ...]:
    results = [run.result for run in runs]
    cell = next(row for row in found.table.rows if row.variant == name).cells[METRICS[0]]
    quality = [f"{_mean(runs, metric):.4f}" for metric in METRICS]
    quality[0] += f" ±{_half_width(runs, METRICS[0]):.4f}"
    gap = "" if cell.gain is None else f"{cell.gain:+.1%}{cell.mark}".replace("%", " %")
    epochs = statistics.fmean(result.epochs for result in results)
    training = statistics.fmean(sum(_of_epochs(result.seconds)) for result in results)
    return (
        name,
        str(len(results)),
        *quality,
        gap,
        _printed(name, results[0].dataset),
        f"{epochs:.0f}",
        f"{training / epochs:.1f}",
        f"{statistics.fmean(result.seconds['total'] for result in results) / 60:.1f}",
        f"{max(result.peak_rss_mb for result in results):.0f}",
        f"{sum(tensor.numel() for tensor in runs[0].weights.values()):,}",
    )


def _of_epochs(seconds: dict[str, float]) -> list[float]:
    return [value for part, value in seconds.items() if part != "total"]


def _mean(runs: Sequence[FinishedRun], metric: str) -> float:
    return statistics.fmean(run.result.test[metric] for run in runs)


def _half_width(runs: Sequence[FinishedRun], metric: str) -> float:
    """Half of the 95 % interval over users, of the mean over seeds."""
    values = np.mean([run.per_user.metrics[metric] for run in runs], axis=0)
    return float(1.96 * values.std(ddof=1) / math.sqrt(len(values)))


def _printed(name: str, dataset: str) -> str:
    """R@10 that the authors of a system, the paper or the toolbox print."""
    published = load_toolbox().values.get(dataset, {}).get(name, {}).get(METRICS[0])
    paper = load_paper()
    row = paper.row_of(name, dataset) if dataset in paper.values else None
    if published is None and row is not None:
        published = paper.values[dataset][row].get(METRICS[0])
    published = published or PRINTED.get(dataset, {}).get(name)
    return "" if published is None else f"{published:.4f}"


if __name__ == "__main__":
    main()

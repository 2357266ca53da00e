"""Every figure of ``ccd plot``: what it shows, what it needs and where it is drawn.

Nothing heavy is imported here, so that ``ccd plot --help`` answers at once.
"""

from __future__ import annotations

from dataclasses import dataclass

OPTIONS = ("variant", "seed", "metric", "users")
"""The parts of a request that some figures have no use for."""


@dataclass(frozen=True)
class CatalogueEntry:
    """One figure.

    Attributes:
        draw: Import path of the function that draws it from a ``Request``.
        summary: What it shows, in the help of the command line.
        caption: Stands below it on a page.
        alt: Read aloud instead of it: its form, and where its numbers stand.
        options: Those of ``OPTIONS`` that it uses.
        on_page: Whether ``ccd report`` of a run folder shows it.
    """

    draw: str
    summary: str
    caption: str
    alt: str
    options: tuple[str, ...] = ()
    on_page: bool = True


FIGURES = {
    "ablation": CatalogueEntry(
        "ccd.figures.from_results:ablation",
        "test metrics of every variant (the paper's Figure 3)",
        "Test metrics of every variant: the mean over seeds, with each seed where there are "
        "several. Axes do not start at zero.",
        "Dots by variant, a panel per metric; the numbers stand in the table of results.",
    ),
    "curves": CatalogueEntry(
        "ccd.figures.from_results:curves",
        "validation metric and loss by epoch; all variants and seeds, or those you name",
        "Validation metric by epoch; a star marks the epoch whose model was tested.",
        "Lines over epochs, one for each run; 'history.jsonl' in the run folder has their numbers.",
        ("variant", "seed", "metric"),
    ),
    "speed": CatalogueEntry(
        "ccd.figures.from_results:speed",
        "best validation metric so far by seconds of training; all runs, or those you name",
        "The best validation metric so far by seconds of training, on the machine and under the "
        "load that the runs had.",
        "Rising steps over seconds, one line for each run; 'history.jsonl' has their numbers.",
        ("variant", "seed", "metric"),
        on_page=False,
    ),
    "tradeoff": CatalogueEntry(
        "ccd.figures.from_results:tradeoff",
        "a test metric of every variant against the seconds of its runs",
        "Test metric against the seconds of a run, means over seeds. A filled dot is a variant "
        "that no other one beats in less time.",
        "A dot for each variant, a line through the filled ones; the metric stands beside each "
        "name.",
        ("metric",),
        on_page=False,
    ),
    "pools": CatalogueEntry(
        "ccd.figures.from_results:pools",
        "how hard the negatives of one run were, by epoch",
        "How similar hard and random negatives are to positives and users, by epoch.",
        "Three panels of lines over epochs; 'ccd negatives' writes their numbers.",
        ("variant", "seed"),
    ),
    "tsne": CatalogueEntry(
        "ccd.figures.from_models:tsne",
        "users and their items, before training and at the best epoch (Figure 4)",
        "Users and their items in each space, before training and at the best epoch.",
        "Two planes of points; the table below each has the cosines that the points stand for.",
        ("variant", "seed", "users"),
    ),
    "negatives": CatalogueEntry(
        "ccd.figures.from_models:negatives",
        "the negatives of each pool around a user and a positive item (Figure 5)",
        "What each pool draws as negatives around a user and a positive item.",
        "Planes of points; below each, the cosines of each pool to the user and the positive.",
        ("variant", "seed", "users"),
    ),
    "sensitivity": CatalogueEntry(
        "ccd.figures.from_trials:sensitivity",
        "a validation metric against the settings that runs, or a study's trials, differ in",
        "Validation metric against the settings: a heat map where the trials form a grid of two "
        "settings; otherwise a panel for each setting, with the best of several trials that share "
        "a value as a bar, joined where values are numbers.",
        "Cells of a grid, or points in a panel per setting; the values stand in the table of "
        "trials.",
        ("metric",),
        on_page=False,
    ),
    "cost": CatalogueEntry(
        "ccd.figures.from_results:cost",
        "seconds spent on each part of training",
        "Seconds by part, mean over seeds.",
        "Stacked bars by variant, per run and per epoch, with the sum at the end of each.",
    ),
}
"""Every figure by its name."""

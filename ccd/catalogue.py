"""All families of components, and the modules that register ccd's own components."""

from __future__ import annotations

from importlib import import_module

from ccd.collector import collector_paused

FAMILIES = {
    "recipe": "What a whole recipe says: its variants and seeds, or what a search tries.",
    "experiment": "One training run: which component stands in each slot.",
    "dataset": "Where interactions and item features come from.",
    "backbone": "The recommender that the paper's modules are added to.",
    "projector": "Maps raw item features to the width of the embeddings.",
    "item_graph": "Which items are neighbours, by their features.",
    "neighbour_search": "Finds the nearest items of an item graph without all cosines.",
    "pruning": "Which interactions an epoch trains on.",
    "aligner": "DMA: fuses item representations with a diffusion sample.",
    "diffusion": "The forward and reverse process of DMA.",
    "noise_schedule": "How much noise each diffusion step adds.",
    "estimator": "The network that predicts the clean item representation in each reverse step.",
    "fusion": "Where in the backbone DMA's sample is added.",
    "pools": "NDI: pools of hard negatives, from reverse diffusion steps.",
    "curriculum": "CNS: which pool an epoch draws its hard negatives from.",
    "cold_items": "Places items without interactions by their features.",
    "cold_scale": "How long the vectors of such items become.",
    "sampler": "Chooses the hard negative items of a batch.",
    "probe": "Measures the hard negatives while a model trains.",
    "losses": "The terms that are minimised, and their weights.",
    "shared_loss": "Ranks a positive above many negatives that a batch shares.",
    "trainer": "The training loop: epochs, batches and learning rate.",
    "optimizer": "What turns gradients into steps.",
    "update": "What a batch does to the weights: plain descent, or MG.",
    "checkpoint": "How often the state of a run is kept while it trains.",
    "tracker": "A program that is told how runs are trained.",
    "stopping": "When training ends before its last epoch.",
    "evaluator": "Ranks items for users and measures how good the ranking is.",
    "metric": "How good the ranking of one user is.",
    "comparison": "How finished variants are compared.",
    "paired_test": "Significance test of two variants on the same users or seeds.",
    "search_sampler": "Proposes the settings of the next trial of a search.",
    "search_pruner": "Ends trials of a search early where they are hopeless.",
}
"""What the components of each family do, in the order in which they are listed."""

_MODULES = (
    "ccd.config.ablation",
    "ccd.datasets",
    "ccd.graphs.item_knn",
    "ccd.graphs.pruning",
    "ccd.backbones",
    "ccd.diffusion",
    "ccd.cold_items",
    "ccd.negatives",
    "ccd.losses",
    "ccd.evaluation",
    "ccd.training",
    "ccd.tracking",
    "ccd.experiment",
    "ccd.search.settings",
    "ccd.statistics",
)


def load() -> None:
    """Fill the registry with ccd's own components."""
    with collector_paused():
        for module in _MODULES:
            import_module(module)

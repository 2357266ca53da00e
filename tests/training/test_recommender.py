"""What the recommender tells its backbone."""

from functools import partial

import pytest
import torch

from ccd.backbones.freedom import FREEDOM
from ccd.graphs.pruning import degree_pruning, diffusion_guided_pruning
from tests.backbones.worlds import small_knn
from tests.training.parts import CNS, DMA, FULL, experiment, train


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CCD_CACHE", str(tmp_path))


def guides(**parts):
    """The items that FREEDOM's pruning was shown in each epoch."""
    seen = []

    def spy(graph, drop_ratio, users, items, rng):
        seen.append(items.clone())
        return degree_pruning(graph, drop_ratio, users, items, rng)

    built = experiment(trainer={"epochs": 3}, **parts)
    built.backbone = partial(FREEDOM, item_graph=small_knn, pruning=spy)
    train(built)
    return seen


def test_the_backbone_sees_the_last_sample_from_epoch_1_on():
    plain, diffused = guides(), guides(aligner=DMA)
    assert len(plain) == len(diffused) == 3
    assert torch.equal(plain[0], diffused[0])  # the initial embeddings
    assert not torch.equal(plain[1], diffused[1])
    assert not torch.equal(diffused[1], diffused[2])


def test_pools_of_the_untrained_model_guide_nothing():
    eager = guides(**{**FULL, "sampler": partial(CNS, first_epoch="pool")})
    assert torch.equal(eager[0], guides()[0])


def test_guided_training_is_reproducible():
    def run():
        built = experiment(aligner=DMA, trainer={"epochs": 3})
        pruning = partial(diffusion_guided_pruning, guidance=0.5)
        built.backbone = partial(FREEDOM, item_graph=small_knn, pruning=pruning)
        return [epoch.losses for epoch in train(built)[1]]

    assert run() == run()

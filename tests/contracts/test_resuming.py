"""Training that goes on from its checkpoint gives the numbers of one that was never interrupted.

Every registered backbone, sampler, update and the like is tested, without an edit here: a part that
remembers something from epoch to epoch and does not say so gives other numbers.
"""

import inspect
from functools import partial

import pytest
import torch

from ccd import catalogue
from ccd.backbones.untrained import Untrained
from ccd.graphs.pruning import degree_pruning
from ccd.losses.shared import sampled_softmax
from ccd.negatives.curricula import step_curriculum
from ccd.negatives.pools import DiffusionPools
from ccd.negatives.probe import NegativeProbe
from ccd.negatives.srns import SRNSSampler
from ccd.registry import components
from ccd.runs.checkpoint_file import read_state, write_state
from tests.backbones.worlds import dataset, small_knn
from tests.contracts.test_backbones import LISTS
from tests.training.parts import BACKBONE, CNS, DMA, FULL, experiment

catalogue.load()
EPOCHS = 5
SLOTS = {
    "item_graph": small_knn,
    "pruning": degree_pruning,
    "curriculum": partial(step_curriculum, interval=1, end_epoch=3),
    "betas": DMA.keywords["diffusion"].keywords["betas"],
    **{name: DMA.keywords[name] for name in ("diffusion", "estimator", "fusion")},
    "file": str(LISTS),
}
SMALL = {
    **dict.fromkeys(("candidate_fraction", "fraction", "top_fraction"), 0.5),
    "start_epoch": 0,
    "dropout": 0.3,
}
"""Shares of 39 items, and what else would leave a part idle in a few epochs."""


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CCD_CACHE", str(tmp_path))


def family(name):
    own = [c for c in components(name) if c.target.__module__.startswith("ccd.")]
    return pytest.mark.parametrize("part", own, ids=lambda c: c.name)


def filled(part):
    wanted = inspect.signature(part.target).parameters
    return partial(
        part.target,
        **{name: value for name, value in {**SLOTS, **SMALL}.items() if name in wanted},
    )


def shown(epoch):
    """All that an epoch tells but for its seconds."""
    return {**vars(epoch), "seconds": None}


def assert_same(ours, theirs):
    """The epoch's model and everything else that the rest would depend on, to the last bit."""
    if isinstance(ours, torch.Tensor):
        assert ours.is_sparse == theirs.is_sparse
        assert torch.equal(*(x.to_dense() if x.is_sparse else x for x in (ours, theirs)))
        return
    assert type(ours) is type(theirs)
    if isinstance(ours, dict):
        assert ours.keys() == theirs.keys()
        for name in ours.keys() - {"seconds"}:
            assert_same(ours[name], theirs[name])
    elif isinstance(ours, (list, tuple)):
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            assert_same(one, other)
    else:
        assert ours == theirs


def check(tmp_path, build, epochs=EPOCHS):
    """Kill it after every epoch; each next one is trained by a model that was built anew."""
    with build().start(dataset(), 1) as whole:
        undisturbed = [shown(epoch) for epoch in whole]
    assert len(undisturbed) == epochs
    file, told = tmp_path / "state", []
    for _ in range(epochs):
        # Parts must not draw from what belongs to the process.
        torch.manual_seed(len(told))
        with build().start(dataset(), 1) as training:
            if told:
                training.load_state(read_state(file))
            told.append(shown(training.step()))
            write_state(file, training.state(), {})
    assert told == undisturbed
    assert training.finished
    assert_same(training.state(), whole.state())
    with build().start(dataset(), 1) as training:
        training.load_state(read_state(file))
        assert_same(training.state(), whole.state())


def trainer(**settings):
    return {"epochs": EPOCHS, **settings}


@family("backbone")
def test_backbones(part, tmp_path):
    epochs = 1 if issubclass(part.target, Untrained) else EPOCHS
    check(tmp_path, lambda: experiment(backbone=filled(part), trainer=trainer()), epochs)


@family("backbone")
def test_backbones_with_dma(part, tmp_path):
    if part.target.misfit(fusion=True):
        pytest.skip("takes no fusion")
    parts = {"backbone": filled(part), "aligner": DMA}
    check(tmp_path, lambda: experiment(**parts, trainer=trainer()))


@family("sampler")
def test_samplers(part, tmp_path):
    """Twice the epochs: the memory of the last ones must be full, and a window has moved on."""
    parts = {"backbone": BACKBONE, "aligner": DMA, "pools": DiffusionPools}
    parts["loss"] = {"shared": sampled_softmax}
    check(
        tmp_path,
        lambda: experiment(
            **parts, sampler=filled(part), probe=NegativeProbe, trainer=trainer(epochs=10)
        ),
        epochs=10,
    )


@family("update")
def test_updates(part, tmp_path):
    check(tmp_path, lambda: experiment(**FULL, trainer=trainer(update=filled(part))))


@family("optimizer")
def test_optimizers(part, tmp_path):
    settings = trainer(optimizer=part.target, decay=0.5, decay_every=2)
    check(tmp_path, lambda: experiment(**FULL, trainer=settings))


@family("stopping")
def test_stopping(part, tmp_path):
    """With the best epoch long ago when training is taken up."""
    settings = trainer(stopping=partial(part.target, patience=EPOCHS), learning_rate=0.3)
    check(tmp_path, lambda: experiment(trainer=settings))


@family("pruning")
def test_prunings(part, tmp_path):
    backbone = partial(BACKBONE.func, item_graph=small_knn, pruning=filled(part))
    check(tmp_path, lambda: experiment(backbone=backbone, aligner=DMA, trainer=trainer()))


@family("aligner")
def test_aligners(part, tmp_path):
    parts = {"aligner": filled(part), "pools": DiffusionPools, "sampler": CNS}
    check(tmp_path, lambda: experiment(**parts, trainer=trainer()))


@family("estimator")
def test_estimators(part, tmp_path):
    def build():
        built = experiment(aligner=partial(DMA, estimator=filled(part)), trainer=trainer())
        built.dim = 64  # the U-Net folds embeddings to squares
        return built

    check(tmp_path, build)


def test_a_training_that_was_not_evaluated_yet_goes_on(tmp_path):
    check(tmp_path, lambda: experiment(trainer=trainer(evaluate_every=3)))


class Forgetful(SRNSSampler):
    """SRNS that keeps its memory to itself."""

    state = load_state = None


def test_what_is_forgotten_is_found(tmp_path):
    with pytest.raises(AssertionError):
        check(tmp_path, lambda: experiment(sampler=Forgetful, trainer=trainer()))

"""What a sampler draws from, and from when on that no longer changes."""

from functools import partial

import pytest

from ccd import catalogue
from ccd.negative_source import NegativeSource
from ccd.negatives.curricular import CurricularSampler
from ccd.negatives.uniform import UniformSampler
from ccd.registry import components, find
from tests.negatives.worlds import sampler_world

catalogue.load()
SETTLED = {
    "AHNSSampler": 0,
    "CurricularSampler": 13,
    "DMNSSampler": 0,
    "DNSSampler": 0,
    "FMCNSSampler": 0,
    "MixGCFSampler": 0,
    "PopularitySampler": 0,
    "RealHNSSingleDomainSampler": 28,
    "SRNSSampler": 50,
    "SharedCurricularSampler": 13,
    "SharedSampler": 0,
    "UniformSampler": 0,
}
"""First epoch from which each sampler's defaults, and the step curriculum's, no longer change."""
CURRICULA = {
    "boundary_curriculum": 31,
    "cosine_curriculum": 30,
    "final_only": 1,
    "last_pool": 1,
    "linear_curriculum": 30,
    "step_curriculum": 13,
}
CURRICULAR = {
    "curriculum": find("step_curriculum").target,
    "candidate_fraction": 0.5,
    "top_fraction": 0.5,
}
NEEDED = {
    "CurricularSampler": CURRICULAR,
    "SharedCurricularSampler": {"curriculum": find("step_curriculum").target},
    "RealHNSSingleDomainSampler": {"candidate_fraction": 0.5},
}


@pytest.mark.parametrize("name", SETTLED)
def test_each_sampler_settles_where_its_schedule_ends(name):
    built = find(name).target(sampler_world(), **NEEDED.get(name, {}))
    assert built.settled_epoch(1000) == SETTLED[name]


@pytest.mark.parametrize("name", CURRICULA)
def test_each_curriculum_settles_where_it_ends(name):
    curriculum = find(name).target
    shares = {"candidate_fraction": 0.5, "top_fraction": 0.5}
    built = CurricularSampler(sampler_world(), curriculum=curriculum, **shares)
    assert built.settled_epoch(1000) == CURRICULA[name]


def test_none_of_them_is_forgotten_above():
    assert {part.name for part in components("sampler")} == set(SETTLED)
    assert {part.name for part in components("curriculum")} == set(CURRICULA)


class Cooling(UniformSampler):
    """Its label changes in each epoch; its way of sampling does not."""

    def source(self, epoch):
        return NegativeSource.own(f"softmax at temperature {0.999**epoch:.4f}")


class Staged(Cooling):
    def source(self, epoch):
        return NegativeSource.own("softmax", stage=min(epoch // 5, 4))


def test_a_label_that_changes_does_not_keep_a_sampler_from_settling():
    assert Cooling(sampler_world()).settled_epoch(1000) == 0
    assert Staged(sampler_world()).settled_epoch(1000) == 20


def test_sources_are_equal_where_all_but_their_labels_are():
    assert NegativeSource.own("a") == NegativeSource.own("b")
    assert len({NegativeSource.own("a"), NegativeSource.own("b")}) == 1
    different = [
        NegativeSource.none(),
        NegativeSource.random(),
        NegativeSource.of_pool(1, 4),
        NegativeSource.of_pool(2, 4),
        NegativeSource.of_pool(2, 3),
        NegativeSource.final(),
        NegativeSource.own("a"),
        NegativeSource.own("a", stage=1),
    ]
    assert len(set(different)) == len(different)


def test_labels():
    pool = NegativeSource.of_pool(2, 4)
    assert (pool.label, pool.short_label) == ("pool 2/4", "2/4")
    assert (NegativeSource.final().label, NegativeSource.final().short_label) == ("final", "final")
    own = NegativeSource.own("pool of my own")
    assert own.short_label == "pool of my own"


def test_training_stops_in_time_though_the_label_never_stops_changing():
    from ccd.training.early_stopping import EarlyStopping
    from tests.training.parts import experiment, train

    quick = {"epochs": 60, "learning_rate": 1e-9, "stopping": partial(EarlyStopping, patience=3)}
    _, epochs = train(experiment(sampler=Cooling, trainer=quick))
    _, plain = train(experiment(sampler=UniformSampler, trainer=quick))
    assert len(epochs) == len(plain) < 60
    assert epochs[0].source.label != epochs[1].source.label

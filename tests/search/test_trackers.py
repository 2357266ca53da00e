"""A search tells the recipe's trackers of each trial."""

import sys
from collections.abc import Mapping

import pytest

from ccd.errors import CcdError
from ccd.registry import component
from ccd.runs.records import SilentObserver
from tests.search.conftest import SPACE, searched

TOLD = []


@component("tracker")
class TakesDown(SilentObserver):
    """Remembers what it is told.

    Args:
        settings: The variant's settings.
    """

    def __init__(self, settings: Mapping[str, str]) -> None:
        self.settings = settings

    def epoch(self, record):
        """Remember an epoch."""
        TOLD.append((record.variant, record.seed, record.epoch))

    def finished(self, result, *, skipped):
        """Remember the end."""
        best = result.measures["valid/recall@20"]
        quality = self.settings["StubTrainer.quality"]
        TOLD.append((result.variant, result.seed, quality, best, result.test))

    def closed(self):
        """Remember that it is over."""
        TOLD.append("closed")


def test_each_seed_of_a_trial_is_a_run_with_the_settings_of_the_trial(write):
    TOLD.clear()
    text = SPACE + "Search.seeds = (1, 2)\nExperiment.trackers = [@TakesDown]\n"
    opened = searched(write(text), trials=2)
    epochs = [told for told in TOLD if len(told) == 3]
    ends = [told for told in TOLD if len(told) == 5]
    names = sorted({told[0] for told in epochs})
    assert [name[-9:] for name in names] == [", trial 0", ", trial 1"]
    assert {told[:2] for told in epochs} == {(name, seed) for name in names for seed in (1, 2)}
    assert len(ends) == TOLD.count("closed") == 4
    by_slot = {t.user_attrs["ccd:slot"]: t for t in opened.study.trials()}
    for name, _, quality, best, test in ends:
        trial = by_slot[int(name[-1])]
        assert trial.value == pytest.approx(best)
        assert trial.user_attrs["ccd:bindings"].get("StubTrainer.quality", "0.9") == quality
        assert test == {}


def test_a_tracker_without_its_package_is_refused_before_the_first_trial(write, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(CcdError, match="tensorboardX"):
        searched(write(SPACE + "Experiment.trackers = [@TensorBoard]\n"), trials=1)

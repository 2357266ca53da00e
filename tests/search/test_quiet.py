"""Libraries print nothing on the user's terminal, and no result is made up where there is none."""

import warnings

import pytest

from ccd import catalogue
from ccd.registry import components
from ccd.search.result import write_best
from ccd.search.summary import importances
from ccd.views.study_page import study_html
from tests.search.conftest import SPACE, searched

catalogue.load()
SAMPLERS = [part.name for part in components("search_sampler")]
PRUNERS = [part.name for part in components("search_pruner")]
MIXED = """\
Search:
  trials = 14
  space = {
      'StubTrainer.quality': {'low': 0.0, 'high': 1.0},
      'StubTrainer.rise': {'low': 1, 'high': 4},
      'StubTrainer.bonus': {'low': 0.0, 'high': 0.2, 'step': 0.1},
      'StubTrainer.mode': ['plain', 'fancy', 'odd'],
  }
"""
GRID = MIXED.replace("'high': 1.0", "'high': 1.0, 'step': 0.5")


@pytest.mark.parametrize(
    ("sampler", "pruner"),
    [*((name, "None") for name in SAMPLERS), *(("random_search", f"@{name}") for name in PRUNERS)],
)
def test_no_sampler_and_no_pruner_prints_a_warning(write, capfd, sampler, pruner):
    space = GRID if sampler == "grid_search" else MIXED
    more = f"{space}  sampler = @{sampler}\n  pruner = {pruner}\n"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        opened = searched(write(more))
        importances(opened.study)
        write_best(opened)
        study_html(opened)
    shown = [w for w in caught if not issubclass(w.category, DeprecationWarning)]
    assert [str(warning.message) for warning in shown] == []
    assert capfd.readouterr() == ("", "")
    assert not [t for t in opened.study.trials() if t.user_attrs.get("ccd:reason")]


def test_trials_of_equal_value_say_nothing_about_settings(write):
    equal = SPACE.replace("StubTrainer.quality': {'low': 0.0, 'high': 1.0}", "StubTrainer.pause': "
                          "{'low': 0.0, 'high': 1e-6}")  # fmt: skip
    assert equal != SPACE
    assert importances(searched(write(equal)).study) == {}


def test_as_many_trials_as_settings_say_nothing_about_them(write):
    more = f"{MIXED}  sampler = @random_search\n"
    assert importances(searched(write(more), name="few", trials=4).study) == {}
    found = importances(searched(write(more), name="more", trials=12).study)
    assert set(found) == {f"StubTrainer.{name}" for name in ("quality", "rise", "bonus", "mode")}


def test_two_settings_of_eight_trials_are_told_apart(write):
    found = importances(searched(write(SPACE)).study)
    assert found["StubTrainer.quality"] > found["StubTrainer.mode"]

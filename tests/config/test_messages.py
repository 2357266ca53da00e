from __future__ import annotations

import pytest

from ccd.config.messages import Problems, closest, did_you_mean, refusal
from ccd.config.origin import Origin
from ccd.errors import ConfigError


def test_refusal_names_places_and_a_way_out():
    place = Origin("a.gin", 3, "A.x = 1")
    assert refusal("wrong", place, None, hint="do this") == "wrong\n  a.gin:3    A.x = 1\n  do this"


def test_closest_ignores_case():
    assert closest("freedom", ["FREEDOM", "LightGCN"]) == "FREEDOM"
    assert closest("xyz", ["FREEDOM"]) is None


def test_did_you_mean_lists_the_options_where_none_is_near():
    assert did_you_mean("xyz", ["b", "a"], "there are") == "there are: a, b"
    assert did_you_mean("xyz", [], "there are") == "there are: none"


def test_problems_come_together_and_once():
    problems = Problems()
    problems.raise_if_any()
    problems.add("one")
    with pytest.raises(ConfigError, match=r"\Aone\Z"):
        problems.raise_if_any()
    problems.add("two")
    problems.add("one")
    with pytest.raises(ConfigError, match=r"\A2 mistakes in the configuration\none\ntwo\Z"):
        problems.raise_if_any()

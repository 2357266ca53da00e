from __future__ import annotations

from ccd.suggestions import closest, did_you_mean


def test_closest_ignores_case():
    assert closest("freedom", ["FREEDOM", "LightGCN"]) == "FREEDOM"
    assert closest("xyz", ["FREEDOM"]) is None


def test_did_you_mean_lists_the_options_where_none_is_near():
    assert did_you_mean("freedon", ["FREEDOM", "BM3"]) == "did you mean FREEDOM?"
    assert did_you_mean("xyz", ["b", "a"], "variants") == "variants: b, a"
    assert did_you_mean("xyz", []) == "there are: none"


def test_all_options_can_follow_the_nearest():
    hint = did_you_mean("freedon", ["FREEDOM", "BM3"], "variants", list_all=True)
    assert hint == "did you mean FREEDOM? variants: FREEDOM, BM3"

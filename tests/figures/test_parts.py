"""The figures' own computations."""

import builtins
from dataclasses import replace

import numpy as np
import pytest

from ccd.analysis.tables import build_table
from ccd.errors import ResourceError
from ccd.figures.ablation import draw_ablation
from ccd.figures.cost import _seconds
from ccd.figures.curves import draw_curves, switches
from ccd.figures.sensitivity import Trial, draw_sensitivity, varied
from ccd.figures.style import COLOURS, ramp, svg_text
from ccd.figures.tsne import _gap, tsne
from ccd.negative_source import NegativeSource
from ccd.runs.history import stages
from tests.runs.samples import make_epoch, make_result


def test_tsne_keeps_clusters_apart_and_is_the_same_twice():
    rng = np.random.default_rng(0)
    centres = np.repeat(np.eye(3, 16) * 5, 40, axis=0)
    points = centres + 0.3 * rng.standard_normal((120, 16))
    placed = tsne(points)
    parts = placed.reshape(3, 40, 2)
    spread = parts.std(axis=1).max()
    middles = parts.mean(axis=1)
    assert min(np.linalg.norm(middles[i] - middles[i - 1]) for i in range(3)) > 3 * spread
    assert np.array_equal(placed, tsne(points))


def test_without_scikit_learn_the_extra_is_named(monkeypatch):
    real = builtins.__import__

    def without(name, *rest):
        if name.startswith("sklearn"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ResourceError, match=r"pip install 'ccdrec\[figures\]'"):
        tsne(np.eye(9))


def test_gap_is_of_own_items_less_others():
    users = np.array([[1.0, 0.0], [0.0, 2.0]])
    items = np.array([[3.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    # Own: 1, 1, -1; others': 0, 0, 0.
    assert _gap(users, items, np.array([0, 1, 1])) == pytest.approx(1 / 3)


def test_switches_and_stages():
    random, first, second = (
        NegativeSource.random(), NegativeSource.of_pool(1, 2), NegativeSource.of_pool(2, 2),
    )  # fmt: skip
    relabelled = replace(first, label="the first")
    sources = [random, first, relabelled, second, first]
    run = [make_epoch("a", epoch=e, source=source) for e, source in enumerate(sources)]
    assert switches(run) == [(1, first), (3, second), (4, first)]
    assert [(source, len(part)) for source, part in stages(run)] == [
        (random, 1), (first, 2), (second, 1), (first, 1),
    ]  # fmt: skip


def test_what_varies_is_found_and_numbers_are_in_order():
    trials = [
        Trial({"lr": "0.01", "b": "@x", "same": "1"}, 0.1),
        Trial({"lr": "1e-05", "b": "None", "same": "1"}, 0.2),
        Trial({"lr": "0.001", "same": "1"}, 0.3),
    ]
    assert varied(trials) == {"lr": ["1e-05", "0.001", "0.01"], "b": ["@x", "None"]}


def test_many_numbers_are_points_on_an_axis_few_are_places():
    wide = [Trial({"lr": repr(10.0**-i)}, i / 10) for i in range(8)]
    axes = draw_sensitivity(wide, "recall@20").axes[0]
    assert axes.get_xscale() == "log"
    few = draw_sensitivity(wide[:3], "recall@20").axes[0]
    assert [label.get_text() for label in few.get_xticklabels()] == ["0.01", "0.1", "1.0"]


@pytest.mark.parametrize("name", ["A$_$", "$^$", "$x$", "US$", "$"])
def test_a_dollar_sign_is_a_dollar_sign(name):
    history = [make_epoch(name, epoch=e, source=NegativeSource.own(name, stage=e)) for e in (0, 1)]
    drawn = [
        draw_curves(history, "recall@20"),
        draw_sensitivity([Trial({name: name}, 0.5), Trial({name: "b"}, 0.4)], name),
        draw_ablation(build_table([make_result(name), make_result("B")], {}, baseline=name)),
    ]
    for figure in drawn:
        assert name in svg_text(figure)


def test_only_the_best_of_several_trials_are_joined():
    rates = [Trial({"lr": str(rate)}, rate % 4) for rate in range(9)]
    grid = [Trial({"layers": n}, value) for value, n in enumerate("1122334")]
    names = [Trial({"betas": f"@{name}"}, value) for value, name in enumerate("aabb")]
    lines = draw_sensitivity(rates, "recall@20").axes[0].lines
    assert [line.get_linestyle() for line in lines] == ["None"]
    _, best = draw_sensitivity(grid, "recall@20").axes[0].lines
    assert (list(best.get_xdata()), list(best.get_ydata())) == ([0, 1, 2], [1, 3, 5])
    assert best.get_linestyle() == "-"
    _, best = draw_sensitivity(names, "recall@20").axes[0].lines
    assert (list(best.get_ydata()), best.get_linestyle()) == ([1, 3], "None")


def test_no_two_of_many_variants_look_the_same():
    history = [make_epoch(str(v), epoch=e, value=v + e) for v in range(20) for e in range(2)]
    lines = draw_curves(history, "recall@20").axes[1].lines
    assert len({(line.get_color(), str(line._dash_pattern)) for line in lines}) == 20


def test_the_rest_of_the_seconds_is_what_no_part_took():
    result = make_result("a")
    assert (_seconds(result, "train"), _seconds(result, "rest")) == (60.0, 60.0)


def test_ramp_darkens_and_palette_has_distinct_colours():
    values = [sum(int(c[i : i + 2], 16) for i in (1, 3, 5)) for c in ramp(5)]
    assert values == sorted(values, reverse=True)
    assert len(set(COLOURS)) == 7

"""The figures' own computations."""

import builtins
from dataclasses import replace

import numpy as np
import pytest

from ccd.analysis.tables import build_table
from ccd.errors import ConfigError, ResourceError
from ccd.figures.ablation import draw_ablation
from ccd.figures.cost import _seconds, draw_cost
from ccd.figures.curves import draw_curves, switches
from ccd.figures.number_table import draw_number_table
from ccd.figures.pools import draw_pools
from ccd.figures.sensitivity import Trial, draw_sensitivity, varied
from ccd.figures.style import COLOURS, listed_seeds, new_figure, ramp, save, svg_text, wrapped
from ccd.figures.tsne import _cosines, tsne
from ccd.negative_source import NegativeSource
from ccd.runs.history import MEASURES, stages
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


def test_cosines_are_to_own_items_and_to_the_others():
    users = np.array([[1.0, 0.0], [0.0, 2.0]])
    items = np.array([[3.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    # Own: 1, 1, -1; others': 0, 0, 0.
    assert _cosines(users, items, np.array([0, 1, 1])) == pytest.approx((1 / 3, 0))


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
        draw_curves(history, "recall@20", "baby"),
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


def history_of(n_variants, n_epochs=2):
    return [
        make_epoch(f"v{v}", epoch=e, value=v + e)
        for v in range(n_variants)
        for e in range(n_epochs)
    ]


def test_variants_that_share_a_panel_look_different_and_stand_in_the_legend():
    figure = draw_curves(history_of(7), "recall@20", "baby")
    lines = figure.axes[1].lines
    assert len({(line.get_color(), str(line._dash_pattern)) for line in lines}) == 7
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == [*(f"v{i}" for i in range(7)), "best epoch"]
    assert figure.get_suptitle() == "baby: training, seed 999"


def test_more_variants_than_colours_get_a_panel_each():
    figure = draw_curves(history_of(13), "recall@20", "baby")
    shown = [axes for axes in figure.axes if axes.axison]
    assert [axes.get_title(loc="left") for axes in shown] == [f"v{i}" for i in range(13)]
    for place, axes in enumerate(shown):
        (own,) = [line for line in axes.lines if line.get_linewidth() == 1.6]
        assert list(own.get_ydata()) == [place, place + 1]


def test_a_single_epoch_is_seen_and_not_split():
    figure = draw_curves(history_of(2, n_epochs=1), "recall@20", "baby")
    figure.draw_without_rendering()
    assert all(line.get_marker() == "o" for line in figure.axes[1].lines)
    low, high = figure.axes[1].get_xlim()
    assert [tick for tick in figure.axes[1].get_xticks() if low <= tick <= high] == [0]


def grid(pairs):
    return [Trial({"steps": x, "weight": y}, float(x) + float(y)) for x, y in pairs]


def test_a_grid_of_two_settings_is_a_heat_map_in_numeric_order():
    pairs = [(x, y) for x in ("5", "100", "20") for y in ("0.8", "0.3")]
    figure = draw_sensitivity(grid([p for p in pairs if p != ("20", "0.8")]), "recall@20")
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["5", "20", "100"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["0.3", "0.8"]
    cells = {text.get_position(): text.get_text() for text in axes.texts}
    assert cells == {(0, 0): "5.3000", (1, 0): "20.3000", (2, 0): "100.3000", (0, 1): "5.8000",
                     (2, 1): "100.8000"}  # fmt: skip
    hatched = [patch.get_xy() for patch in axes.patches if patch.get_hatch()]
    assert hatched == [(0.5, 0.5)]
    assert figure.get_supxlabel() == "framed: best; hatched: not tried"


def test_a_cell_is_the_mean_of_its_runs():
    trials = [
        *grid([("1", "1"), ("1", "2"), ("2", "1")]),
        Trial({"steps": "1", "weight": "1"}, 3.0),
    ]
    figure = draw_sensitivity(trials, "recall@20")
    assert {text.get_text() for text in figure.axes[0].texts} == {"2.5000", "3.0000"}
    assert "mean of the runs in a cell" in figure.get_supxlabel()


@pytest.mark.parametrize(
    "pairs",
    [[("1", "1"), ("2", "2")], [(str(i), str(-i)) for i in range(9)],
     [(str(x), str(y)) for x in range(13) for y in range(2)]],
)  # fmt: skip
def test_what_is_no_grid_or_too_large_has_a_panel_per_setting(pairs):
    figure = draw_sensitivity(grid(pairs), "recall@20")
    assert [axes.get_xlabel() for axes in figure.axes if axes.axison] == ["steps", "weight"]


def test_numbers_below_a_plane_are_a_table():
    figure = new_figure(4, 2)
    axes = figure.subplots()
    draw_number_table(axes, ("to", "own", "others"), {"ID": ["0.42", "-0.02"], "text": ["1", "2"]})
    places = {text.get_text(): text.get_position() for text in axes.texts}
    assert places["0.42"][0] == places["own"][0] == places["1"][0]
    assert places["0.42"][1] == places["ID"][1]
    assert "−0.02" in places


def test_the_rest_of_the_seconds_is_what_no_part_took():
    result = make_result("a")
    assert (_seconds(result, "train"), _seconds(result, "rest")) == (60.0, 60.0)


def test_ramp_darkens_and_palette_has_distinct_colours():
    values = [sum(int(c[i : i + 2], 16) for i in (1, 3, 5)) for c in ramp(5)]
    assert values == sorted(values, reverse=True)
    assert len(set(COLOURS)) == 7


def test_seeds_are_listed_while_they_are_few():
    assert listed_seeds((7,)) == "seed 7"
    assert listed_seeds((1, 2)) == "seeds 1, 2"
    assert listed_seeds(tuple(range(20))) == "20 seeds"


def test_a_long_name_is_wrapped_and_then_loses_its_middle():
    assert wrapped("FREEDOM+DMA", 26) == "FREEDOM+DMA"
    assert wrapped("FREEDOM+softmax+DMA+NDI+CNS", 26) == "FREEDOM+softmax+DMA+\nNDI+CNS"
    assert wrapped("two-sided words here", 10) == "two-sided\nwords here"
    assert wrapped("one two three four five", 5, 2) == "one\n…five"


def one_epoch():
    measures = dict.fromkeys(MEASURES, 0.25)
    source = NegativeSource.of_pool(1, 4)
    return [replace(make_epoch("_A", source=source), negatives=measures)]


def test_a_single_epoch_can_be_seen(recwarn):
    curves, pools = draw_curves(one_epoch(), "recall@20", "planted"), draw_pools(one_epoch(), "t")
    for figure in (curves, pools):
        svg_text(figure)
        for axes in figure.axes:
            assert axes.lines
            assert all(line.get_marker() not in ("", "None") for line in axes.lines)
    bands = [band for axes in pools.axes[:2] for band in axes.collections]
    assert len(bands) == 4
    assert all(np.ptp(path.vertices[:, 0]) == 0 for band in bands for path in band.get_paths())
    assert list(recwarn) == []


def test_no_variant_is_missing_in_a_legend(recwarn):
    history = [make_epoch(name, epoch=e) for name in ("_A", "__", "B") for e in range(2)]
    (legend,) = draw_curves(history, "recall@20", "planted").legends
    words = [text.get_text().strip() for text in legend.get_texts()]
    assert words[:3] == ["_A", "__", "B"]
    assert list(recwarn) == []


def test_names_that_the_font_lacks_warn_nobody(tmp_path, recwarn):
    table = build_table([make_result("日本\u0e01"), make_result("\U0001f600")], {})
    save(draw_ablation(table), tmp_path / "a")
    free = [replace(make_result("A"), seconds={})]
    save(draw_cost(free), tmp_path / "c")
    assert list(recwarn) == []
    assert "日本" in (tmp_path / "a.svg").read_text()


def test_a_probe_of_ones_own_draws_no_pools():
    own = [replace(make_epoch("A"), negatives={"entropy": 1.0})]
    with pytest.raises(ConfigError, match="or a probe of one's own"):
        draw_pools(own, "t")

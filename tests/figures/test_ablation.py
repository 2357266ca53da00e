import pytest
from matplotlib.image import imread
from matplotlib.text import Text

from ccd.analysis.tables import build_table
from ccd.figures.ablation import draw_ablation as drawn
from ccd.figures.style import save
from tests.analysis.test_tables import four_variants, worse
from tests.runs.samples import VARIANTS, make_result


def draw_ablation(table, path):
    save(drawn(table), path.with_suffix(""), ["png"])


def tied():
    return build_table([make_result(v) for v in VARIANTS], {}, baseline="FREEDOM")


def panels(figure):
    return [axes for axes in figure.axes if axes.axison]


def words(figure):
    return " ".join(found.get_text() for found in figure.findobj(Text)).replace("\n", " ")


def legend(figure):
    """Entry to (marker, colour, whether it is filled)."""
    return {
        handle.get_label(): (handle.get_marker(), handle.get_markeredgecolor(), is_filled(handle))
        for handle in figure.legends[0].legend_handles
    }


def is_filled(line):
    return line.get_markerfacecolor() != "white"


def means(axes):
    """(mean, marker, colour, whether it is filled) of each row."""
    return [
        (line.get_xdata()[0], line.get_marker(), line.get_markeredgecolor(), is_filled(line))
        for line in axes.lines
        if line.get_marker() in ("o", "s") and line.get_markersize() > 5
    ]


def test_figure_is_a_readable_png(tmp_path):
    draw_ablation(four_variants(), tmp_path / "ablation.png")
    image = imread(tmp_path / "ablation.png")
    height, width = image.shape[:2]
    assert 1500 < width < 1800
    assert 500 < height < 900
    colours = {tuple((pixel[:3] * 255).astype(int)) for pixel in image.reshape(-1, 4)}
    assert {(0x59, 0x59, 0x59), (0, 0x72, 0xB2)} <= colours


def test_every_metric_of_the_table_has_a_panel():
    titles = [axes.get_title(loc="left") for axes in panels(drawn(four_variants()))]
    assert tuple(titles) == four_variants().metrics


def test_a_dot_is_the_mean_its_whisker_the_sd_and_small_dots_the_seeds():
    table = four_variants()
    axes = panels(drawn(table))[2]
    assert axes.get_title(loc="left") == "recall@20"
    cells = [row.cells["recall@20"] for row in table.rows]
    assert [mean for mean, *_ in means(axes)] == pytest.approx([cell.mean for cell in cells])
    for container, cell in zip(axes.containers, cells, strict=True):
        (whisker,) = container.lines[2]
        (low, _), (high, _) = whisker.get_segments()[0]
        assert (low, high) == pytest.approx((cell.mean - cell.sd, cell.mean + cell.sd))
    seeds = [tuple(line.get_xdata()) for line in axes.lines if line.get_markersize() < 3]
    assert [cell.values for cell in cells] == [s for s in seeds if len(s) == 3]
    lines = [line for line in axes.lines if line.get_linestyle() == "--"]
    assert [line.get_xdata()[0] for line in lines] == pytest.approx([cells[0].mean])


@pytest.mark.parametrize("figure", [drawn(four_variants()), drawn(worse()), drawn(tied())])
def test_the_legend_is_true_whoever_is_best(figure):
    entries, used = legend(figure), set()
    for axes in panels(figure):
        rows = means(axes)
        best = max(mean for mean, *_ in rows)
        for place, (mean, *look) in enumerate(rows):
            name = "variant" if place else "baseline"
            used.add(f"{name}, best" if mean == best else name)
            assert entries[f"{name}, best" if mean == best else name] == tuple(look)
    assert used == set(entries) - {"each seed", "± sd over seeds"}


def test_a_baseline_that_is_best_is_the_baseline_and_best():
    assert set(legend(drawn(worse()))) == {"baseline, best", "variant"}
    assert set(legend(drawn(tied()))) == {"baseline, best", "variant, best"}
    alone = build_table([make_result("A")], {}, baseline="A")
    assert drawn(alone).legends[0].legend_handles == []


@pytest.mark.parametrize(("n", "columns"), [(1, 3), (4, 3), (14, 4), (30, 4)])
def test_figure_grows_with_the_number_of_variants(tmp_path, n, columns):
    results = [make_result(f"a schedule with a rather long name {i}", value=i) for i in range(n)]
    figure = drawn(build_table(results, {}))
    figure.draw_without_rendering()
    tops = [axes.get_position().y0 for axes in panels(figure)]
    assert sum(top == pytest.approx(tops[0]) for top in tops) == columns
    # A row is as high as its two lines of text.
    height = panels(figure)[0].get_window_extent().height / figure.dpi / n
    assert height > 2 * 9 * 1.2 / 72


def test_a_name_that_is_too_long_keeps_its_end():
    names = ["x" * 300 + end for end in "AB"]
    shown = [
        label.get_text()
        for label in panels(drawn(build_table([make_result(n) for n in names], {})))[
            0
        ].get_yticklabels()
    ]
    assert [text[-1] for text in shown] == ["A", "B"]
    assert all(len(text) < 85 and "…" in text for text in shown)


def test_a_variant_with_fewer_seeds_says_so():
    results = [make_result("A", 1), make_result("A", 2), make_result("B", 1)]
    assert "B (1 of 2 seeds)" in words(drawn(build_table(results, {})))


def test_figure_of_other_metrics_draws_those(tmp_path):
    table = build_table([make_result("A"), make_result("B")], {}, metrics=["recall@5"])
    assert [axes.get_title(loc="left") for axes in panels(drawn(table))] == ["recall@5"]


def test_losses_are_marked_and_the_legend_says_against_what():
    found = words(drawn(worse()))
    assert "↓***" in found
    assert "against FREEDOM, two-sided; ↓: worse" in found
    assert "dashed line: baseline FREEDOM" in found

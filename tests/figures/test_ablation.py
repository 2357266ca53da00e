import pytest
from matplotlib.image import imread

from ccd.analysis.tables import build_table
from ccd.figures.ablation import axis_floor
from ccd.figures.ablation import draw_ablation as drawn
from ccd.figures.style import save
from tests.analysis.test_tables import four_variants, worse
from tests.runs.samples import make_result


def draw_ablation(table, path):
    save(drawn(table), path.with_suffix(""), ["png"])


def test_figure_is_a_readable_png(tmp_path):
    draw_ablation(four_variants(), tmp_path / "ablation.png")
    image = imread(tmp_path / "ablation.png")
    height, width = image.shape[:2]
    assert 1200 < width < 1800
    assert 600 < height < 1200
    colours = {tuple((pixel[:3] * 255).astype(int)) for pixel in image[::7, ::7].reshape(-1, 4)}
    assert {(0x99, 0x99, 0x99), (0x56, 0xB4, 0xE9), (0, 0x72, 0xB2)} <= colours


@pytest.mark.parametrize("n", [1, 8])
def test_figure_grows_with_the_number_of_variants(tmp_path, n):
    results = [make_result(f"a schedule with a rather long name {i}", value=i) for i in range(n)]
    draw_ablation(build_table(results, {}), tmp_path / "a.png")
    height = imread(tmp_path / "a.png").shape[0]
    assert (height > 1200) == (n == 8)


def test_figure_of_other_metrics_draws_those(tmp_path):
    table = build_table([make_result("A"), make_result("B")], {}, metrics=["recall@5"])
    draw_ablation(table, tmp_path / "a.png")
    assert imread(tmp_path / "a.png").shape[1] < 1200


def test_losses_are_marked_and_the_legend_says_against_what():
    from matplotlib.text import Text

    words = " ".join(found.get_text() for found in drawn(worse()).findobj(Text))
    assert "0.1800↓***" in words
    assert "against FREEDOM, two-sided; ↓: worse" in words.replace("\n", " ")


def test_axis_starts_at_zero_unless_the_bars_are_close():
    assert axis_floor(0.01, 0.06) == 0
    assert axis_floor(0.0, 0.0) == 0
    floor = axis_floor(0.0626, 0.0679)
    assert 0.05 < floor < 0.06
    assert axis_floor(0.05, 0.05) < 0.05

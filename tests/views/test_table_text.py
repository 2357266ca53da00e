import io
from dataclasses import replace

import pytest
from rich.console import Console

from ccd.analysis.comparing import Compared
from ccd.analysis.tables import build_table
from ccd.views.comparing_files import to_latex
from ccd.views.page_tables import main_table
from ccd.views.table_text import TableView, to_markdown
from tests.analysis.test_tables import four_variants, worse
from tests.runs.samples import METRICS, VARIANTS, make_result


def show(table, width, encoding="utf-8"):
    buffer = io.BytesIO()
    stream = io.TextIOWrapper(buffer, encoding=encoding)
    Console(file=stream, width=width, highlight=False).print(TableView(table))
    stream.flush()
    return buffer.getvalue().decode(encoding)


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_every_number_is_shown_whole_at_every_width(width):
    text = show(four_variants(), width)
    assert max(len(line.rstrip()) for line in text.splitlines()) <= width
    for word in (*VARIANTS, *METRICS, "0.1240", "±0.0020", "+19.2%***"):
        assert word in text, word


def test_wide_terminals_get_one_column_per_metric_and_narrow_ones_a_block_per_variant():
    table = four_variants()
    wide, narrow = show(table, 200), show(table, 40)
    assert any(all(metric in line for metric in METRICS) for line in wide.splitlines())
    assert len(wide.splitlines()) < 15 < len(narrow.splitlines())
    assert [line.strip() for line in narrow.splitlines()].count("FREEDOM+DMA+NDI") == 1


def test_ascii_terminals_get_ascii():
    assert "+-0.0020" in show(four_variants(), 100, "ascii")
    for width in (40, 200):
        text = " ".join(show(worse(), width, "ascii").split())
        assert "-10.0%v***" in text
        assert "v: worse" in text


def test_a_loss_is_marked_and_explained_on_the_terminal_and_in_markdown():
    for text in (show(worse(), 200), to_markdown(worse()).replace("\\", "")):
        assert "-10.0%↓***" in text
        assert "*** p < 0.001 against FREEDOM, two-sided; ↓: worse (Wilcoxon" in text


def test_markup_in_a_name_is_printed_as_it_is():
    table = build_table([make_result("[red]x[/]")], {})
    assert "[red]x[/]" in show(table, 40)
    assert "[red]x[/]" in show(table, 120)


def test_variant_with_fewer_seeds_says_so():
    table = build_table([make_result("A", 1), make_result("A", 2), make_result("B", 1)], {})
    assert "B (1 of 2 seeds)" in show(table, 100)


def test_markdown_marks_best_and_second_and_explains_itself():
    text = to_markdown(four_variants())
    rows = {line.split(" | ")[0].strip("| "): line for line in text.splitlines() if "|" in line}
    assert rows["variant"].count("|") == len(METRICS) + 2
    best = next(line for line in text.splitlines() if line.startswith("| FREEDOM+DMA+NDI+CNS | 3"))
    second = next(line for line in text.splitlines() if line.startswith("| FREEDOM+DMA+NDI | 3"))
    assert best.count("**0.") == len(METRICS)
    assert second.count("<u>0.") == len(METRICS)
    assert "\\*\\*\\*" in best
    for words in ("planted", "seeds 1, 2, 3", "Recall@K", "Wilcoxon", "Holm", "p-value against"):
        assert words in text


def test_markdown_of_a_single_variant_has_no_test():
    text = to_markdown(build_table([make_result("A|B")], {}))
    assert "Wilcoxon" not in text
    assert "A\\|B" in text


def test_warnings_stand_below_the_table_on_every_surface():
    runs = [
        replace(make_result(name, seed), best_epoch=4, epochs=5, max_epochs=5)
        for name, seed in (("A", 1), ("A", 2), ("B", 1))
    ]
    table = build_table(runs, {}, baseline="A")
    compared = Compared(table, 0.95)
    html = main_table(table)
    for text in (show(table, 60), to_markdown(table), html, to_latex(compared)):
        flat = " ".join(text.replace("*", "").split())
        assert "arning: best at the last epoch that Trainer.epochs allows" in flat
        assert "arning: no finished run with seed 2: B" in flat
    assert compared.to_json()["warnings"] == list(table.cautions)

"""Names that recipes and data files may hold, in every view: they are shown and never obeyed."""

import csv
import io
import json
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from rich.console import Console
from rich.text import Text

from ccd.analysis.comparing import Compared
from ccd.analysis.differences import Differences, UserChange
from ccd.analysis.tables import build_table
from ccd.errors import ConfigError
from ccd.figures.ablation import draw_ablation
from ccd.figures.cost import draw_cost
from ccd.figures.curves import draw_curves
from ccd.figures.style import svg_text
from ccd.files import json_line
from ccd.finished.inspection import DrawnItem, Inspected
from ccd.finished.recommendations import recommend
from ccd.progress.plain import PlainProgress
from ccd.progress.states import Progress
from ccd.progress.view import ProgressView
from ccd.runs.identity import slug
from ccd.statistics.comparison import Comparison
from ccd.statistics.paired_tests import wilcoxon
from ccd.terminal.console import PatientConsole
from ccd.terminal.visible import HIDDEN, cleaned, visible
from ccd.views.comparing_files import to_csv, to_latex
from ccd.views.comparing_text import ComparedView, to_markdown
from ccd.views.differences_text import DifferencesView
from ccd.views.html_parts import Part, to_page, to_table
from ccd.views.inspection_text import InspectedView
from ccd.views.page_tables import main_table
from ccd.views.recommended_text import RecommendedView
from ccd.views.table_text import to_md
from tests.runs.samples import make_epoch, make_per_user, make_plan, make_result

NAMES = (
    "\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "two\nlines", "\r over", "tab\tbed", "\x9b31m",
    "right \u202eto left", "line\u2028break", "<script>alert(1)</script>", "../../x", "a|b",
    "**bold** _it_ `c` [l](http://x)", "\\input{x} $y$ %z", "[x] first", "* star",
)  # fmt: skip


def compared(name):
    """A comparison of two variants, one called ``name``, on data called so too."""
    results = [
        make_result(v, seed, x) for v, x in (("base", 0.05), (name, 0.06)) for seed in (1, 2)
    ]
    results = [replace(result, dataset=name) for result in results]
    users = {(r.variant, r.seed): make_per_user(r.test["recall@20"], seed=r.seed) for r in results}
    comparison = Comparison(test=wilcoxon, resamples=5)
    table = build_table(results, users, baseline="base", comparison=comparison, intervals=True)
    beyond = {name: {"novelty@20": (1.0, 2.0)}, "base": {"novelty@20": (1.0, 2.0)}}
    return Compared(table, 0.95, beyond=beyond, notes=(f"{name} is left out",))


def printed(*renderables, width=100):
    console = PatientConsole(file=io.StringIO(), width=width, force_terminal=False)
    for renderable in renderables:
        console.print(renderable)
    return console.file.getvalue()


def views(name):
    """Everything a terminal shows of a run with that name."""
    record = make_epoch(name)
    drawn = DrawnItem(name, name, 0.5, 0.1, 0.2, held_out=False)
    progress = Progress(make_plan(variants=(name,)))
    progress.epoch(record)
    found = Differences(name, name, (), (), (), (), (), (UserChange(name, 0, 1),), "x", (name,))
    return [
        ComparedView(compared(name)),
        DifferencesView(found),
        InspectedView(Inspected(name, 1, True, 3, (), name, (drawn,))),
        ProgressView(progress),
    ]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("width", [40, 120])
def test_nothing_hidden_reaches_the_terminal(name, width):
    text = printed(*views(name), width=width)
    assert HIDDEN.findall(text.replace("\n", "")) == []
    if "\n" not in name:
        assert visible(name)[:8] in text


def test_the_console_itself_obeys_no_text():
    text = printed(Text("a\x1b[2Jb\nc"), "x\x1by", width=40)
    assert text == "a\\x1b[2Jb\nc\nx\\x1by\n"


@pytest.mark.parametrize("name", NAMES)
def test_log_lines_stay_one_line_each(name):
    console = Console(file=io.StringIO(), width=400)
    progress = PlainProgress(console)
    progress.started(make_plan(variants=(name,)))
    progress.note(name)
    progress.epoch(make_epoch(name))
    progress.finished(make_result(name), skipped=False)
    lines = console.file.getvalue().split("\n")
    assert len(lines) == 6
    assert HIDDEN.findall("".join(lines)) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_markdown_table_keeps_its_form(name):
    text = to_markdown(compared(name))
    assert HIDDEN.findall(text.replace("\n", "")) == []
    rows = [line for line in text.split("\n") if line.startswith("|")]
    cells = {line.replace("\\|", "").count("|") for line in rows}
    assert all(line.endswith(" |") for line in rows)
    assert cells == {9, 8, 10, 4}  # means, p-values, contrasts, beyond
    assert "<script>" not in text
    assert to_md(name) in text


@pytest.mark.parametrize("name", NAMES)
def test_latex_keeps_its_form(name):
    text = to_latex(compared(name))
    assert HIDDEN.findall(text.replace("\n", "")) == []
    for line in text.split("\n")[:-1]:
        assert line.startswith("%") or "\\input{" not in line
        assert line.startswith(("%", "\\", " "))
        if line.endswith("\\\\"):
            assert line.lstrip()[0] not in "[*"


@pytest.mark.parametrize("name", NAMES)
def test_csv_and_json_say_the_name_and_nothing_hidden(name):
    text = to_csv(compared(name))
    assert HIDDEN.findall(text.replace("\n", "")) == []
    assert {row["variant"] for row in csv.DictReader(io.StringIO(text))} == {"base", visible(name)}
    line = json_line({"name": name})
    assert HIDDEN.findall(line) == []
    assert json.loads(line) == {"name": name}


@pytest.mark.parametrize("name", NAMES)
def test_pages_hold_names_as_text(name):
    table = main_table(compared(name).table)
    page = to_page(name, [Part(name, table, more=name), Part("x", to_table((name,), [[name]]))])
    assert "<script>alert" not in page
    assert HIDDEN.findall(page.replace("\n", "").replace("\t", "")) == []


@pytest.mark.parametrize("name", NAMES)
def test_figures_are_pictures_whatever_they_are_called(name, recwarn):
    for figure in (
        draw_ablation(compared(name).table),
        draw_cost([replace(make_result(name), dataset=name)]),
        draw_curves([make_epoch(name)], "recall@20", name),
    ):
        ElementTree.fromstring(svg_text(figure))
    assert [str(warning.message) for warning in recwarn] == []


def test_items_are_listed_by_visible_names(finished_folder):
    found = recommend(finished_folder, ["3"], k=2)
    names = tuple(f"\x1b[31mitem {i}\n" for i in range(found.dataset.n_items))
    text = printed(
        RecommendedView(replace(found, dataset=replace(found.dataset, item_names=names)))
    )
    assert "\x1b" not in text
    assert "\\x1b[31mitem" in text


def test_what_is_cleaned_keeps_its_kind():
    value = {"a\n": (1, ["b\t"], {"c": np.float64(2)}), "d": Part("t\n", "u")}
    assert cleaned(value) == {"a\\n": (1, ["b\\t"], {"c": 2}), "d": Part("t\\n", "u")}
    assert isinstance(cleaned(value)["d"], Part)


def test_a_heading_is_not_taken_apart():
    page = to_page("t", [Part("Data of runs (old)", "x"), Part("Against A", "y", more="test")])
    assert ">Data of runs (old)</a>" in page
    assert ">Against A</a>" in page
    assert "<h2>Against A (test)</h2>" in page


def test_characters_of_names_are_not_swapped_for_those_of_marks():
    table = compared("A ± ↓").table
    console = Console(file=io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="replace"))
    assert console.encoding == "ascii"
    console.print(ComparedView(compared("A ± ↓")))
    console.file.flush()
    text = console.file.buffer.getvalue().decode()
    assert "A ? ?" in text
    assert "+-0." in text
    assert table.rows[1].variant == "A ± ↓"


def test_folders_of_names_stay_inside():
    assert len({slug(name, 1) for name in NAMES}) == len(NAMES)
    assert not any("/" in slug(name, 1) or HIDDEN.search(slug(name, 1)) for name in NAMES)


def test_a_refusal_is_read_and_not_obeyed(capsys):
    from ccd.cli import _report

    assert _report(ConfigError("no variant '\x1b[2J'", hint="a"), as_json=False) == 2
    assert capsys.readouterr().err == "ccd: error: no variant '\\x1b[2J'; a\n"

import csv
import io
import json
from dataclasses import replace

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from ccd.analysis.across import by_dataset, compare_across
from ccd.cli.compare import compare
from ccd.errors import ConfigError
from ccd.runs.writing import RunFolder
from ccd.statistics.comparison import Comparison
from ccd.statistics.paired_tests import wilcoxon
from ccd.views.across_text import AcrossView, to_csv, to_markdown
from ccd.views.comparing_files import across_to_latex
from tests.runs.samples import finish, make_result

FEW = Comparison(test=wilcoxon, resamples=20)
SHIFTS = {"FREEDOM": 0.0, "better_1": 0.05, "worse": -0.05}


def folder(path, dataset, variants, seeds=(1,)):
    with RunFolder(path, metric="recall@20") as made:
        for seed in seeds:
            for variant in variants:
                shift = SHIFTS[variant]
                result = make_result(variant, seed, value=0.1 + shift / 2 + 0.001 * seed)
                finish(made, replace(result, dataset=dataset), shift=shift, fingerprint=dataset)
    return path


@pytest.fixture
def folders(tmp_path):
    return [
        folder(tmp_path / "a", "baby", ["FREEDOM", "better_1", "worse"], seeds=(1, 2)),
        folder(tmp_path / "b", "tiktok", ["FREEDOM", "better_1"]),
    ]


@pytest.fixture
def across(folders):
    return compare_across(by_dataset(folders), comparison=FEW, baseline="FREEDOM")


def test_each_data_set_has_its_own_means_tests_and_ranks(across):
    assert (tuple(across.by_dataset), across.metrics) == (
        ("baby", "tiktok"), ("recall@10", "ndcg@10"),
    )  # fmt: skip
    assert across.variants == ("FREEDOM", "better_1", "worse")
    best = across.cell("better_1", "baby", "recall@10")
    assert best.mean == pytest.approx(2 * 0.1265)
    assert (best.mark, best.rank) == ("***", 1)
    assert across.cell("worse", "baby", "recall@10").mark == "↓***"
    assert across.cell("worse", "tiktok", "recall@10") is None
    assert across.cautions == ("tiktok: no finished run of worse",)


def test_markdown_and_latex_have_a_column_for_each_data_set_and_metric(across):
    header, _, first, *_ = [x for x in to_markdown(across).splitlines() if x.startswith("|")]
    assert header == (
        "| variant | baby recall@10 | baby ndcg@10 | tiktok recall@10 | tiktok ndcg@10 |"
    )
    assert first.count("|") == 6
    worse = next(x for x in to_markdown(across).splitlines() if x.startswith("| worse"))
    assert worse.endswith("|  |  |")
    assert "**Warning**: tiktok: no finished run of worse." in to_markdown(across)
    latex = across_to_latex(across)
    assert r"& \multicolumn{2}{c}{baby} & \multicolumn{2}{c}{tiktok} \\" in latex
    assert r"\cmidrule(lr){2-3} \cmidrule(lr){4-5}" in latex
    body = [x for x in latex.splitlines() if x.strip().startswith(("FREEDOM", "better", "worse"))]
    assert len(body) == 3
    assert all(row.count("&") == 4 for row in body)
    assert r"better\_1" in body[1]
    assert r"\begin{tabular}{lrrrr}" in latex


def test_csv_has_a_line_for_each_number(across):
    rows = list(csv.DictReader(io.StringIO(to_csv(across))))
    assert len(rows) == (3 + 2) * 2
    assert {row["dataset"] for row in rows} == {"baby", "tiktok"}
    assert rows[0]["seeds"] == "2"


@pytest.mark.parametrize("width", [40, 80, 160])
def test_the_terminal_shows_every_number(across, width):
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(AcrossView(across))
    text = console.export_text()
    assert max(len(line.rstrip()) for line in text.splitlines()) <= width
    for word in ("baby", "tiktok", "better_1", "0.2530***", "0.1530↓***", "warning: tiktok: no"):
        assert word in text, word


def test_a_data_set_without_the_baseline_says_what_its_marks_are_against(folders):
    across = compare_across(by_dataset(folders), comparison=FEW, baseline="worse")
    assert across.by_dataset["baby"].table.baseline == "worse"
    assert across.notes == ("tiktok: marks are against FREEDOM, as there is no run of worse",)
    with pytest.raises(ConfigError, match="no finished run of --baseline 'FREEDON'"):
        compare_across(by_dataset(folders), comparison=FEW, baseline="FREEDON")


def call(*arguments):
    app = typer.Typer()
    app.command()(compare)
    return CliRunner().invoke(app, list(map(str, arguments)), env={"COLUMNS": "80"})


def test_the_command_takes_runs_on_several_data_sets(folders):
    answer = call(*folders, "--metric", "recall@20", "--format", "json")
    found = json.loads(answer.stdout)
    assert list(found["datasets"]) == ["baby", "tiktok"]
    assert found["metrics"] == ["recall@20"]
    answer = call(*folders, "--format", "csv")
    assert "warning: tiktok: no finished run of worse" in answer.stderr
    error = call(*folders, "--slices").exception
    assert isinstance(error, ConfigError)
    assert "runs on baby, tiktok" in str(error)


def test_other_data_under_the_same_name_are_still_refused(tmp_path, folders):
    other = tmp_path / "c"
    with RunFolder(other, metric="recall@20") as made:
        finish(made, replace(make_result("FREEDOM"), dataset="baby"), fingerprint="beef")
    error = call(*folders, other).exception
    assert isinstance(error, ConfigError)
    assert "trained on different data" in str(error)

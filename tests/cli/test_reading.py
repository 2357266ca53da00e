"""The commands that read finished runs: compare, diff, plot, negatives."""

import json

import pytest
import typer
from typer.testing import CliRunner

from ccd.cli.compare import compare
from ccd.cli.diff import diff
from ccd.cli.negatives import negatives
from ccd.cli.plot import plot
from ccd.errors import ConfigError

app = typer.Typer()
for command in (compare, diff, negatives, plot):
    app.command(command.__name__)(command)


@pytest.fixture
def call(finished_folder):
    def invoke(name, *options):
        arguments = [str(finished_folder) if option == "DIR" else option for option in options]
        return CliRunner().invoke(app, [name, *arguments], env={"COLUMNS": "80"})

    return invoke


@pytest.mark.parametrize(
    ("form", "start"),
    [("table", "variant"), ("markdown", "# Ablation"), ("latex", "% needs"), ("csv", "slice,")],
)
def test_compare_writes_every_format(call, form, start):
    answer = call("compare", "DIR", "--metric", "recall@20", "--format", form)
    assert answer.exit_code == 0, answer.output
    assert answer.stdout.startswith(start)


def test_notes_that_csv_has_no_place_for_are_said_beside_it(call):
    answer = call("compare", "DIR", "DIR", "--metric", "recall@20", "--format", "csv")
    assert "is the same run" in answer.stderr
    assert "note" not in answer.stdout


def test_compare_is_told_how_by_gin(call):
    options = ("--metric", "recall@20", "--format", "json", "--set", "Comparison.resamples = 20")
    answer = call("compare", "DIR", *options, "--set", "Comparison.test = @t_test")
    assert json.loads(answer.stdout)["test"].startswith("paired t-test")
    answer = call("compare", "DIR", *options, "--set", "Comparison.over = 'both'")
    assert json.loads(answer.stdout)["test"].startswith("bootstrap")
    assert isinstance(call("compare", "DIR", "--baseline", "x").exception, ConfigError)


def test_diff(call):
    answer = call("diff", "DIR", "DIR", "--variant", "FREEDOM")
    assert answer.exit_code == 0, answer.output
    assert "the same" in answer.stdout
    answer = call("diff", "DIR", "DIR", "--variant", "FREEDOM", "--json")
    assert json.loads(answer.stdout)["settings"] == []


def test_negatives(call):
    answer = call("negatives", "DIR", "--user", "3", "--epoch", "2")
    assert answer.exit_code == 0, answer.output
    assert "pool 3/4, drawn anew from the model of epoch" in " ".join(answer.stdout.split())
    assert json.loads(call("negatives", "DIR", "--json").stdout)["recorded"]


def test_plot_prints_what_it_wrote(call, tmp_path):
    answer = call("plot", "cost", "DIR", "--out", str(tmp_path / "c"))
    assert answer.stdout.split() == [str(tmp_path / "c.png"), str(tmp_path / "c.svg")]
    assert (tmp_path / "c.png").exists()
    assert call("plot", "pie", "DIR").exit_code == 2


def test_a_place_for_a_picture_is_refused_before_it_is_drawn(call, tmp_path, monkeypatch):
    monkeypatch.setattr("ccd.figures.plots.plot", lambda *_: pytest.fail("draws"))
    answer = call("plot", "cost", "DIR", "--out", str(tmp_path / "no/such/fig"))
    assert isinstance(answer.exception, ConfigError)
    assert "no/such/fig.png does not exist" in str(answer.exception)


def test_the_ending_of_a_picture_is_no_part_of_its_stem(call, tmp_path):
    answer = call("plot", "cost", "DIR", "--out", str(tmp_path / "c.v1.png"))
    assert answer.stdout.split() == [str(tmp_path / "c.v1.png"), str(tmp_path / "c.v1.svg")]

import json

import pytest
import typer
from typer.testing import CliRunner

from ccd.cli.verify import verify
from ccd.errors import ConfigError
from tests.analysis.test_verification import write_runs

app = typer.Typer()
app.command()(verify)


@pytest.fixture
def call(tmp_path):
    write_runs(tmp_path, {("FREEDOM", 1): 0.9, ("mine", 1): 1.0})
    return lambda *options: CliRunner().invoke(app, [str(tmp_path), *options])


def test_text(call):
    answer = call("--dataset", "baby")
    assert answer.exit_code == 0  # whatever the verdict
    assert "FREEDOM  below" in answer.stdout
    assert "No value in the paper's tables: mine." in answer.stdout


def test_json_is_one_object(call):
    record = json.loads(call("--json").stdout)
    assert record["dataset"] == "baby"
    assert record["rows"][0]["metrics"]["recall@5"]["verdict"] == "below"


def test_markdown(call):
    assert call("--markdown").stdout.startswith("# baby against the paper\n\n| variant |")


def test_help_says_when_the_exit_code_is_not_0():
    said = " ".join(CliRunner().invoke(app, ["--help"]).stdout.split())
    assert "The exit code is 0 whatever the verdicts are, and 2 where no run is a row" in said


def test_refusals_go_up(call):
    error = call("--json", "--markdown").exception
    assert isinstance(error, ConfigError)
    assert "exclude one another" in str(error)
    assert isinstance(call("--dataset", "books").exception, ConfigError)

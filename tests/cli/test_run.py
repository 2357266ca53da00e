import json
import os
import shlex
import signal
import subprocess
import sys
import types
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import ccd
from ccd.cli.run import run
from ccd.errors import LockedError, ResourceError
from ccd.runs.signals import Halt
from ccd.runs.writing import RunFolder
from ccd.views.outputs import write_reports
from tests.runs.samples import finish, make_epoch, make_plan, make_result

app = typer.Typer()
app.command()(run)


@dataclass
class FakeResults:
    folder: Path
    results: tuple


class FakeAblation(types.ModuleType):
    """Stands in for ``ccd.ablation``: finishes two runs, with something in between."""

    def __init__(self, path, between=lambda: None, before=lambda: None):
        super().__init__("ccd.ablation")
        self.path, self.between, self.before = path, between, before
        self.asked = {}

    def run(self, recipe, *, observer, **asked):
        self.asked = {"recipe": recipe, **asked}
        self.before()
        out = asked["out"] or self.path
        plan = make_plan(out, variants=("FREEDOM", "FREEDOM+DMA"))
        try:
            with RunFolder(out, metric=plan.metric) as folder:
                observer.started(plan)
                try:
                    for variant, seed in plan.runs:
                        observer.epoch(make_epoch(variant, seed))
                        finish(folder, make_result(variant, seed))
                        observer.finished(make_result(variant, seed), skipped=False)
                        self.between()
                finally:
                    write_reports(out, plan.baseline)
        finally:
            observer.closed()
        return FakeResults(out, ())


@pytest.fixture
def call(tmp_path, monkeypatch):
    def invoke(*arguments, **behaviour):
        fake = FakeAblation(tmp_path / "out", **behaviour)
        monkeypatch.setitem(sys.modules, "ccd.ablation", fake)
        monkeypatch.setattr(ccd, "ablation", fake, raising=False)
        monkeypatch.setattr(sys.modules["ccd.cli.run"], "refuse_wrong_words", lambda *_, **__: None)
        return CliRunner().invoke(app, ["recipes/x.gin", *arguments]), fake.asked

    return invoke


def refuse(error):
    def fail(*_):
        raise error

    return fail


def test_run_shows_folder_first_and_last_and_the_table(call, tmp_path):
    answer, _ = call()
    assert answer.exit_code == 0
    lines = answer.stdout.splitlines()
    assert lines[0] == lines[-1] == f"run folder: {tmp_path / 'out'}"
    assert f"table: {tmp_path / 'out/table.md'}" in lines
    assert f"figure: {tmp_path / 'out/ablation.png'}" in lines
    assert (tmp_path / "out/ablation.png").exists()
    assert "FREEDOM+DMA" in answer.stdout
    assert "0.1000" in answer.stdout


def test_every_option_reaches_the_ablation(call, tmp_path):
    out = tmp_path / "elsewhere"
    options = (
        "--only A --only B --seed 1 --seed 2 --dataset baby --data-dir d --with f.gin "
        f"--set X.y=1 --set Z.w=2 --out {out} --allow-import mine --fresh "
        f"--from {tmp_path} --match-ids"
    )
    answer, asked = call(*options.split())
    assert answer.exit_code == 0
    assert isinstance(asked.pop("halt"), Halt)
    assert asked == {
        "recipe": "recipes/x.gin", "only": ["A", "B"], "seeds": [1, 2], "dataset": "baby",
        "data_dir": Path("d"), "with_files": ["f.gin"], "bindings": ["X.y=1", "Z.w=2"],
        "out": out, "allow_imports": ["mine"], "fresh": True,
        "refit": None, "from_run": tmp_path, "match_ids": True,
    }  # fmt: skip


def test_json_output_is_events_only_and_ends_with_report_and_closed(call, tmp_path):
    answer, _ = call("--json")
    events = [json.loads(line) for line in answer.stdout.splitlines()]
    assert events[0]["event"] == "started"
    assert [event["event"] for event in events[-2:]] == ["report", "closed"]
    assert events[-2]["run folder"] == str(tmp_path / "out")
    means = {(row["variant"], row["metric"]): row["mean"] for row in events[-2]["rows"]}
    assert means[("FREEDOM", "recall@20")] == pytest.approx(0.1)


def test_ctrl_c_keeps_and_tells_what_is_finished(call, tmp_path):
    answer, _ = call(between=refuse(KeyboardInterrupt()))
    assert answer.exit_code == 130
    assert "stopped by SIGINT" in answer.stdout
    said = answer.stdout.replace("\n", " ")
    command = shlex.join(["ccd", *sys.argv[1:], "--out", str(tmp_path / "out")])
    assert f"to go on: {command}" in said
    assert f"1 of 2 runs is finished, kept in {tmp_path / 'out'} and skipped then" in said
    assert "0.1000" in answer.stdout
    assert "FREEDOM" in (tmp_path / "out/table.md").read_text()
    with RunFolder(tmp_path / "out", metric="recall@20") as folder:
        assert set(folder.finished()) == {("FREEDOM", 999)}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_sigterm_and_sighup_are_ctrl_c_with_a_code_of_their_own(call, number):
    before = signal.getsignal(number)
    answer, _ = call("--json", between=lambda: os.kill(os.getpid(), number))
    assert answer.exit_code == 128 + number
    events = [json.loads(line) for line in answer.stdout.splitlines()]
    assert [event["event"] for event in events[-3:]] == ["stopped", "report", "closed"]
    assert number.name in events[-3]["why"]
    assert signal.getsignal(number) is before


def test_ctrl_c_before_the_start_is_quiet(call):
    answer, _ = call(before=refuse(KeyboardInterrupt()))
    assert answer.exit_code == 130
    assert answer.stdout == ""


def test_refusal_midway_tells_what_is_kept_and_goes_on_up(call, tmp_path):
    error = ResourceError("the disk is full")
    answer, _ = call("--json", "--out", str(tmp_path / "json"), between=refuse(error))
    events = [json.loads(line)["event"] for line in answer.stdout.splitlines()]
    assert events[-2:] == ["stopped", "closed"]
    answer, _ = call(between=refuse(error))
    assert answer.exception is error
    said = answer.stdout.replace("\n", " ")
    assert f"1 of 2 runs is finished, kept in {tmp_path / 'out'}" in said
    assert "FREEDOM" in (tmp_path / "out/table.md").read_text()


def test_refusal_before_the_start_only_goes_up(call):
    error = LockedError("in use")
    for options in ([], ["--json"]):
        answer, _ = call(*options, before=refuse(error))
        assert answer.exception is error
        assert answer.stdout == ""


def test_interrupt_before_any_run_is_finished_says_so(call, monkeypatch):
    monkeypatch.setattr("tests.cli.test_run.finish", refuse(KeyboardInterrupt()))
    answer, _ = call()
    assert answer.exit_code == 130
    assert "no run was finished" in answer.stdout
    assert "table:" not in answer.stdout


def test_command_module_loads_without_torch_or_matplotlib():
    script = (
        "import sys, ccd.cli.run, ccd.cli.doctor;"
        "print([name for name in ('torch', 'matplotlib', 'dgl', 'pyarrow') if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert answer.stdout.strip() == "[]"

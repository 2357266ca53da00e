import json
import sys

import pytest
import typer
from typer.testing import CliRunner

from ccd.cli import diagnosis
from ccd.cli.diagnosis import Check
from ccd.cli.doctor import doctor
from ccd.errors import ResourceError

app = typer.Typer()
app.command()(doctor)


def test_doctor_finds_that_ccd_runs_here():
    answer = CliRunner().invoke(app, [])
    assert answer.exit_code == 0, answer.stdout
    assert "engine on cpu: dgl" in answer.stdout
    assert answer.stdout.splitlines()[-1] == "ccd can run here"


def test_json_says_the_same(monkeypatch, tmp_path):
    monkeypatch.setenv("CCD_DATA", str(tmp_path))
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/shop.inter").touch()
    answer = CliRunner().invoke(app, ["--json"])
    report = json.loads(answer.stdout)
    assert report["can_run"] is True
    checks = {check["name"]: check for check in report["checks"]}
    assert {"python", "torch", "engine on cpu", "packages", "threads", "memory"} <= set(checks)
    assert any("shop" in c["found"] for c in report["checks"] if c["name"] == "data")


def test_problem_exits_with_5_and_says_what_to_do(monkeypatch):
    broken = Check("torch", "problem", "does not import", "reinstall torch")
    monkeypatch.setattr(diagnosis, "diagnose", lambda: iter([broken]))
    answer = CliRunner().invoke(app, [])
    assert answer.exit_code == 5
    assert "problem torch: does not import" in answer.stdout
    assert "reinstall torch" in answer.stdout
    assert "ccd cannot run here" in answer.stdout


def test_warning_does_not_stop_anyone(monkeypatch):
    warned = Check("memory", "warning", "0.5 GB", "end other programs")
    monkeypatch.setattr(diagnosis, "diagnose", lambda: iter([warned]))
    assert CliRunner().invoke(app, []).exit_code == 0


@pytest.mark.parametrize(
    ("version", "status"),
    [((3, 9, 1), "problem"), ((3, 10, 0), "ok"), ((3, 12, 4), "ok"), ((3, 13, 0), "ok")],
)
def test_python_version(version, status):
    assert diagnosis.check_python(version).status == status


def test_threads_memory_and_disk_limits(tmp_path, monkeypatch):
    assert diagnosis.check_threads(None, 2).status == "ok"
    assert diagnosis.check_threads("2", 2).status == "ok"
    crowded = diagnosis.check_threads("8", 2)
    assert crowded.status == "warning"
    assert "OMP_NUM_THREADS=2" in crowded.advice
    assert diagnosis.check_memory(800).status == "warning"
    assert diagnosis.check_memory(8000).status == "ok"
    assert diagnosis.check_disk("disk", tmp_path).name == "disk"
    monkeypatch.setattr("os.access", lambda *_: False)
    assert diagnosis.check_disk("disk", tmp_path).status == "warning"


def test_torch_that_does_not_import_is_a_problem(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    (check,) = diagnosis.check_torch()
    assert check.status == "problem"
    (engine,) = diagnosis.check_engines()
    assert engine.status == "problem"


def test_engine_that_cannot_be_chosen_is_a_problem(monkeypatch):
    def refuse(device):
        raise ResourceError("DGL does not import here")

    monkeypatch.setattr("ccd.graphs.engines.describe_choice", refuse)
    check = next(iter(diagnosis.check_engines()))
    assert check.status == "problem"
    assert "DGL does not import" in check.found


def test_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(diagnosis, "_REQUIRED", ("gin-config", "surely-not-installed"))
    check = diagnosis.check_packages()
    assert check.status == "problem"
    assert check.advice == "pip install surely-not-installed"

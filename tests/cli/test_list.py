from __future__ import annotations

import json
import subprocess
import sys

import pytest

from ccd import __version__
from ccd.cli import main
from tests.config.conftest import make_project


@pytest.fixture
def ccd(tmp_path, monkeypatch, capsys):
    """Run the command line with the demo components: exit code, stdout, stderr."""
    make_project(tmp_path, monkeypatch)
    monkeypatch.delenv("CCD_DEBUG", raising=False)

    def command(*arguments: str, columns: int = 100) -> tuple[int, str, str]:
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setattr(sys, "argv", ["ccd", *arguments])
        with pytest.raises(SystemExit) as caught:
            main()
        out, err = capsys.readouterr()
        return caught.value.code or 0, out, err

    return command


@pytest.mark.parametrize("columns", [60, 160])
def test_family_as_a_table(ccd, columns):
    code, out, err = ccd("list", "demo_schedule", columns=columns)
    assert (code, err) == (0, "")
    assert all(len(line) <= columns for line in out.splitlines())
    for part in ("demo_cosine", "A quarter of a cosine.", "offset", "float in [0, 1]", "0.008"):
        assert part in out
    assert "demo_files" not in out


def test_all_families(ccd):
    _, out, _ = ccd("list")
    assert {"demo_schedule", "demo_dataset", "recipe"} <= {line.strip() for line in out.split("\n")}


def test_json_describes_settings(ccd):
    code, out, _ = ccd("list", "demo_diffusion", "--json")
    assert code == 0
    (diffusion,) = json.loads(out)["demo_diffusion"]
    assert diffusion["summary"] == "A process with a schedule."
    assert diffusion["settings"][1] == {
        "name": "betas",
        "type": "demo_schedule",
        "slots": ["demo_schedule"],
        "required": True,
        "default": "required",
    }


def test_unknown_family(ccd):
    code, out, err = ccd("list", "demo_scedule")
    assert (code, out) == (2, "")
    assert err == "ccd: error: no family 'demo_scedule'\n  did you mean demo_schedule?\n"


def test_unknown_family_as_json(ccd):
    code, out, err = ccd("list", "demo_scedule", "--json")
    assert (code, err) == (2, "")
    error = json.loads(out)["error"]
    assert (error["kind"], error["exit_code"]) == ("ConfigError", 2)
    assert "did you mean" in error["message"]


def test_version(ccd):
    assert ccd("--version") == (0, f"ccd {__version__}\n", "")


def test_help_needs_neither_torch_nor_pydantic():
    code = "import sys, ccd.cli; print({'torch', 'pydantic', 'dgl'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "set()\n"


def test_closed_pipe_is_quiet():
    process = subprocess.Popen(
        [sys.executable, "-m", "ccd", "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() in (0, 1)


def test_ctrl_c_exits_with_130(ccd, monkeypatch):
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("ccd.catalogue.load", interrupted)
    assert ccd("list")[0] == 130

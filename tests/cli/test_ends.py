"""However a command is ended: no traceback, a reason where there is one, the right exit code."""

import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from ccd.cli import app
from ccd.config.files import ccd_root
from ccd.config.imports import import_module
from ccd.errors import ConfigError

INTERRUPTED = """
import os, signal, sys, time
def interrupt(*_):
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(2)
class AtImport:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == {name!r}:
            interrupt()
{more}
sys.meta_path.insert(0, AtImport)
sys.argv = ["ccd", "list", "curriculum"]
from ccd.__main__ import main
main()
"""


def started(name, more=""):
    """``ccd list curriculum``, which gets Ctrl-C when it imports ``name``."""
    return subprocess.run(
        [sys.executable, "-c", INTERRUPTED.format(name=name, more=more)],
        capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ccd_root())},
    )  # fmt: skip


@pytest.mark.parametrize("name", ["ccd.cli", "typer", "ccd.cli.run", "ccd.catalogue"])
def test_ctrl_c_before_anything_has_begun_is_quiet(name):
    ended = started(name)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")


def test_ctrl_c_while_the_process_ends_is_quiet():
    ended = started("none", "import atexit; atexit.register(interrupt)")
    assert "step_curriculum" in ended.stdout
    assert (ended.returncode, ended.stderr) == (130, "")


def test_a_second_ctrl_c_while_the_first_is_dealt_with_is_quiet():
    more = """
import ccd.cli
def close(*_):
    interrupt()
ccd.cli.close_stdout = close
"""
    ended = started("ccd.catalogue", more)
    assert (ended.returncode, ended.stderr) == (130, "")


def test_who_was_told_to_ignore_ctrl_c_ignores_it():
    ended = started("ccd.cli", "signal.signal(signal.SIGINT, signal.SIG_IGN)")
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "recipes/ablation_freedom.gin", "--out", ""], "--out is empty"),
        (["run", "recipes/ablation_freedom.gin", "--out="], "--out is empty"),
        (["run", ""], "a word of the command line is empty"),
        (["search", "recipes/search_curricula.gin", "--study", ""], "--study is empty"),
        (["search", "status", "s", "--storage="], "--storage is empty"),
        (["report", ""], "a word of the command line is empty"),
        (["recommend", "runs", "--data-dir", ""], "--data-dir is empty"),
        (["compare", "runs", "--metric", "", "--baseline", "x"], "--metric is empty"),
    ],
)
def test_an_empty_word_is_no_word(words, said):
    error = CliRunner().invoke(app, words).exception
    assert isinstance(error, ConfigError)
    assert str(error).startswith(said)


@pytest.mark.parametrize("code", ["0", "3", "'bye'", ""])
def test_a_part_that_ends_the_program_is_an_error(tmp_path, monkeypatch, code):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ending.py").write_text(f"raise SystemExit({code})\n")
    with pytest.raises(ConfigError, match="importing 'ending' failed: SystemExit"):
        import_module("ending", [tmp_path])

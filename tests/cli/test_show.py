from __future__ import annotations

import json
import sys
from functools import partial

import pytest

from ccd import config
from ccd.cli import main
from tests.config.conftest import make_project


@pytest.fixture
def ccd(tmp_path, monkeypatch, capsys):
    """Run the command line on the demo project: exit code, stdout, stderr."""
    make_project(tmp_path, monkeypatch)
    monkeypatch.setattr(config, "load_recipe", partial(config.load_recipe, root="DemoExperiment"))
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("CCD_DEBUG", raising=False)

    def command(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["ccd", *arguments])
        with pytest.raises(SystemExit) as caught:
            main()
        out, err = capsys.readouterr()
        return caught.value.code or 0, out, err

    return command


def test_tree_of_all_variants(ccd):
    code, out, err = ccd("show", "recipes/ablation.gin")
    assert (code, err) == (0, "")
    assert "@DemoExperiment" in out
    assert "What the 3 variants differ in" in out


def test_options_reach_the_recipe(ccd, tmp_path):
    (tmp_path / "extra.gin").write_text("DemoExperiment.width = 4\n")
    code, out, _ = ccd(
        *("show", "recipes/ablation.gin", "--variant", "base", "--dataset", "large"),
        *("--with", "extra.gin", "--set", "SEED = 3", "--set", "DemoExperiment.plain = 5"),
    )
    assert code == 0
    assert "name = 'large'  gin/datasets/large.gin:2" in out
    assert "width = 4  extra.gin:1" in out
    assert "seed = 3  gin/base.gin:3 (%SEED from --set)" in out
    assert "plain = 5  --set" in out


def test_other_formats(ccd):
    code, out, _ = ccd("show", "recipes/ablation.gin", "--format", "json")
    assert code == 0
    assert list(json.loads(out)["variants"]) == ["base", "base+dma", "all"]
    code, out, _ = ccd("show", "recipes/ablation.gin", "--format", "mermaid")
    assert code == 0
    assert out.startswith("flowchart LR\n")


def test_refusal_is_one_message_with_exit_code_2(ccd):
    code, out, err = ccd("show", "recipes/ablation.gin", "--set", "DemoExperiment.plain = 'x'")
    assert (code, out) == (2, "")
    assert err == (
        "ccd: error: DemoExperiment.plain must be int, got 'x'\n"
        "  --set    DemoExperiment.plain = 'x'\n"
        "  default: 3\n"
    )


def test_import_needs_the_option(ccd, tmp_path):
    (tmp_path / "recipes/own.gin").write_text(
        "import demo_show_parts\ninclude 'gin/datasets/small.gin'\n"
    )
    (tmp_path / "recipes/demo_show_parts.py").write_text("")
    code, _, err = ccd("show", "recipes/own.gin")
    assert code == 2
    assert "--allow-import demo_show_parts" in err
    assert ccd("show", "recipes/own.gin", "--allow-import", "demo_show_parts")[0] == 0


def test_debug_keeps_the_traceback(ccd, monkeypatch):
    monkeypatch.setenv("CCD_DEBUG", "1")
    with pytest.raises(config.recipe.ConfigError):
        ccd("show", "recipes/nope.gin")


@pytest.mark.parametrize("arguments", [["show"], ["shwo"], ["show", "x", "--format", "pdf"]])
def test_usage_errors_exit_with_2(ccd, arguments):
    code, out, err = ccd(*arguments)
    assert (code, out) == (2, "")
    assert "Error" in err

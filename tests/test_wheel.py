"""The wheel alone: in an empty environment and an empty folder, ccd does what it promises.

Slow, as torch is installed anew: ``make test-wheel``, with ``PYTHON=python3.12`` on another Python.
"""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.wheel
ROOT = Path(__file__).parents[1]
QUICK = ["--seed", "1", "--set", "Trainer.epochs = 3", "--set", "step_curriculum.end_epoch = 2"]


def run(*words: object, folder: Path) -> str:
    """What a program prints, in ``folder`` and without this checkout on Python's path."""
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    clean |= {"CCD_CACHE": str(folder / "cache"), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    done = subprocess.run(
        [*map(str, words)], cwd=folder, env=clean, capture_output=True, text=True, timeout=1800
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", folder, ROOT, folder=folder)
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def bin_folder(wheel, tmp_path_factory):
    """Programs of a new environment with the wheel, what it depends on, and pytest."""
    folder = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", folder / "venv", folder=folder)
    install = [folder / "venv/bin/python", "-m", "pip", "install", "-q", "-c"]
    for packages in (["torch"], [wheel, "pytest"]):  # torch first and pinned, as in the Makefile
        run(*install, ROOT / "constraints.txt", *packages, folder=folder)
    return folder / "venv" / "bin"


def test_it_holds_what_ccd_reads_and_nothing_beside_the_package(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"ccd"}
    for kept in ("gin", "recipes", "starter"):
        files = {
            path.relative_to(ROOT).as_posix()
            for path in (ROOT / kept).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
        assert files
        assert {f"ccd/assets/{name}" for name in files} <= set(names)


def test_the_demo_runs_in_an_empty_folder(bin_folder, tmp_path):
    place = run(bin_folder / "python", "-c", "import ccd; print(ccd.__file__)", folder=tmp_path)
    assert str(bin_folder.parent) in place
    run(bin_folder / "ccd", "doctor", folder=tmp_path)
    shown = run(bin_folder / "ccd", "show", "recipes/ablation_freedom.gin", folder=tmp_path)
    assert "FREEDOM+DMA+NDI+CNS" in shown
    demo = ["run", "recipes/ablation_freedom.gin", "--out", "demo", *QUICK]
    assert "FREEDOM+DMA+NDI+CNS" in run(bin_folder / "ccd", *demo, folder=tmp_path)
    assert (tmp_path / "demo" / "ablation.png").is_file()
    assert "rank" in run(bin_folder / "ccd", "recommend", "demo", "--user", "7", folder=tmp_path)


def test_a_starter_project_runs(bin_folder, tmp_path):
    run(bin_folder / "ccd", "init", "shop", folder=tmp_path)
    shop = tmp_path / "shop"
    assert "CCDRec" in run(bin_folder / "ccd", "run", "recipe.gin", *QUICK, folder=shop)
    assert "3 passed" in run(bin_folder / "python", "-m", "pytest", folder=shop)

from __future__ import annotations

from pathlib import Path

import pytest

from ccd.config import files
from ccd.errors import ConfigError


def test_the_real_root_holds_gin_and_recipes():
    assert (files.ccd_root() / "gin").is_dir()
    assert (files.ccd_root() / "recipes").is_dir()


def test_given_path_comes_before_ccds_own(project, monkeypatch):
    folder = project / "mine"
    (folder / "recipes").mkdir(parents=True)
    monkeypatch.chdir(folder)
    assert files.find_file("recipes/ablation.gin") == project / "recipes/ablation.gin"
    (folder / "recipes/ablation.gin").write_text("")
    assert files.find_file("recipes/ablation.gin") == Path("recipes/ablation.gin")


def test_a_name_that_no_disk_takes_is_refused(project):
    long = "r" * 300
    for find in (
        lambda: files.find_file(f"{long}.gin"),
        lambda: files.find_included(f"{long}.gin", project),
        lambda: files.find_module("datasets", long),
    ):
        with pytest.raises(ConfigError, match="cannot read this: File name too long"):
            find()


def test_includes_of_gin_never_come_from_the_current_folder(project, monkeypatch):
    folder = project / "mine"
    (folder / "gin").mkdir(parents=True)
    (folder / "gin/base.gin").write_text("")
    monkeypatch.chdir(folder)
    assert files.find_included("gin/base.gin", folder) == project / "gin/base.gin"


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("gin/modules/dmaa.gin", "gin/modules/dma.gin"),
        ("recipe/ablation.gin", "recipes/ablation.gin"),
        ("ablation", "recipes/ablation.gin"),
    ],
)
def test_missing_file_names_the_nearest(project, name, near):
    with pytest.raises(ConfigError) as caught:
        files.find_file(name)
    assert str(caught.value) == f"no file '{name}'; did you mean '{near}'?"


def test_missing_module_lists_the_existing_ones(project):
    with pytest.raises(ConfigError, match="there are: large, small"):
        files.find_module("datasets", "amazon")


def test_paths_are_shown_from_the_root_or_the_current_folder(project, tmp_path_factory):
    assert files.shown(project / "gin/base.gin") == "gin/base.gin"
    other = tmp_path_factory.mktemp("other") / "x.gin"
    assert files.shown(other) == other.as_posix()


def test_only_ccds_own_gin_is_wiring(project):
    assert files.is_wiring(Path("gin/modules/dma.gin"))
    assert not files.is_wiring(Path("recipes/ablation.gin"))

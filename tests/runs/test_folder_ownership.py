"""What ccd did not make is neither overwritten nor removed."""

import json
import os
from pathlib import Path

import pytest

from ccd.errors import ConfigError, DamagedFileError, ResourceError

from .samples import (
    finish,
    make_result,
    open_folder,
)


def test_folder_that_is_no_run_folder_is_refused_and_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(ConfigError, match=r"thesis\.tex.*not a run folder"):
        open_folder(tmp_path).__enter__()
    assert os.listdir(tmp_path) == ["thesis.tex"]
    with pytest.raises(ConfigError, match="must be a folder, got the file"):
        open_folder(tmp_path / "thesis.tex").__enter__()


@pytest.mark.parametrize(
    "manifest",
    [
        {"name": "an extension", "version": "2"},
        {"versions": {}},
        {"test_openings": 1},
        {"checksum": "of another program"},
        ["a", "list"],
    ],
)
def test_a_folder_of_another_program_is_left_as_it_was(tmp_path, manifest):
    (tmp_path / "sub").mkdir()
    files = ("config.gin", "user_ids.txt", "table.md", ".x.tmp", "sub/.model.safetensors.ab.tmp")
    for name in files:
        (tmp_path / name).write_text(name)
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ConfigError, match=r"manifest\.json of another program.*not a run folder"):
        open_folder(tmp_path).__enter__()
    assert all((tmp_path / name).read_text() == name for name in files)
    assert json.loads((tmp_path / "manifest.json").read_text()) == manifest


@pytest.mark.parametrize("manifest", ["{}", "[]", '{"versions": [1, 2], "checksum": "x"}'])
def test_another_programs_manifest_alone_is_left_as_it_was(tmp_path, manifest):
    (tmp_path / "manifest.json").write_text(manifest)
    with pytest.raises(ConfigError, match=r"manifest\.json of another program"):
        open_folder(tmp_path).__enter__()
    assert os.listdir(tmp_path) == ["manifest.json"]
    assert (tmp_path / "manifest.json").read_text() == manifest


def test_only_what_ccd_made_is_removed(tmp_path):
    with open_folder(tmp_path) as folder:
        finish(folder, make_result("A"))
    kept = (".notes.tmp", ".thesis.tex.ab12.tmp", "A-999/.x.tmp", "A-999/notes.md", "mine/.a.tmp")
    (tmp_path / "mine").mkdir()
    for name in (*kept, ".table.md.ab12cd34.tmp", "A-999/.run.json.ab12cd34.tmp"):
        (tmp_path / name).write_text("x")
    (tmp_path / "A-999/run.json").unlink()
    with open_folder(tmp_path) as folder:
        finish(folder, make_result("A"))
    assert all((tmp_path / name).exists() for name in kept)
    assert {path.name for path in tmp_path.rglob(".*.tmp")} == {
        Path(name).name for name in kept
    } - {"notes.md"}


def test_temporary_files_alone_make_no_run_folder(tmp_path):
    (tmp_path / ".thesis.tex.ab12.tmp").write_text("x")
    with pytest.raises(ConfigError, match="not a run folder"):
        open_folder(tmp_path).__enter__()


def test_folder_of_a_crash_before_the_manifest_is_accepted(tmp_path):
    (tmp_path / ".lock").touch()
    (tmp_path / ".manifest.json.1234.tmp").touch()
    with open_folder(tmp_path):
        pass
    assert (tmp_path / "manifest.json").exists()


def test_folder_below_a_file_is_refused_as_resource(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ResourceError, match="cannot write this"):
        open_folder(tmp_path / "file" / "out").__enter__()


def test_damaged_manifest_is_refused_and_the_lock_released(tmp_path):
    (tmp_path / "manifest.json").write_text("{")
    for _ in range(2):
        with pytest.raises(DamagedFileError, match="manifest"):
            open_folder(tmp_path).__enter__()

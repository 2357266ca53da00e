"""Bytes flipped and files cut short, where other tests of damage do not look: refused or the same.

Those are ``tests/finished/test_damage.py`` for what readers of a run folder use, and
``tests/datasets/test_damage.py`` for data sets and recipes.
"""

from __future__ import annotations

import os
import pickle
import random
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch

from ccd.errors import CcdError, DamagedFileError
from ccd.finished.runs import choose_run
from ccd.graphs.cache import cached_arrays
from ccd.runs.checkpoint_file import read_about_state, read_state, write_state
from ccd.runs.checkpoints import CHECKPOINT_FILE
from ccd.runs.folder import unfinished_runs
from ccd.search.studies import find_study
from ccd.search.summary import ended_trials
from ccd.search.target import Source
from ccd.serving.export import export
from ccd.serving.vectors import open_vectors
from tests.finished.test_damage import READ, damaged, seen
from tests.importing.worlds import import_paths, loaded, rows
from tests.search.conftest import RECIPE, SPACE, STUB, searched

CASES = 60
"""Of each kind of file."""


def damages(path: Path, rng: random.Random, cases: int = CASES) -> Iterator[None]:
    """Put one damage after the other into a file; at the end it is whole again."""
    whole = path.read_bytes()
    for _ in range(cases):
        changed = damaged(whole, rng)
        os.replace(path, path.with_name("aside"))  # another name may be linked to the same file
        path.write_bytes(changed)
        yield
        os.replace(path.with_name("aside"), path)
    assert path.read_bytes() == whole


def test_a_damaged_checkpoint_is_found(tmp_path):
    path, rng = tmp_path / "checkpoint.safetensors", random.Random(1)
    tensors = {"weights": torch.arange(40.0), "steps": torch.tensor([3])}
    about = {"variant": "A", "seed": 1, "epochs": 3}
    write_state(path, {"training": {**tensors, "rate": 0.001}, "total": 12.5}, about)
    refused = 0
    for _ in damages(path, rng):
        try:
            told, state = read_about_state(path), read_state(path)
        except DamagedFileError as error:
            refused += str(path) in str(error)
            continue
        assert (told, state["total"], state["training"].pop("rate")) == (about, 12.5, 0.001)
        assert all(torch.equal(state["training"][name], tensors[name]) for name in tensors)
    assert refused > 0.9 * CASES


def test_a_damaged_cache_is_made_anew_or_the_same(tmp_path, monkeypatch):
    monkeypatch.setenv("CCD_CACHE", str(tmp_path))
    arrays = {"ids": np.arange(60), "weights": np.linspace(0, 1, 60, dtype=np.float32)}
    made = cached_arrays("test", (1,), lambda: arrays)
    (path,) = tmp_path.iterdir()
    for _ in damages(path, random.Random(2)):
        found = cached_arrays("test", (1,), lambda: arrays)
        assert all(np.array_equal(found[name], made[name]) for name in made)


def test_a_damaged_export_is_refused(finished_folder, tmp_path):
    folder, rng, refused, cases = tmp_path / "export", random.Random(3), 0, 0
    export(choose_run(finished_folder, "FREEDOM", 1), folder)
    whole = open_vectors(folder).about
    for path in sorted(folder.iterdir()):
        for _ in damages(path, rng, CASES if path.name == "export.json" else 8):
            cases += 1
            try:
                found = open_vectors(folder)
            except CcdError as error:
                refused += path.name in str(error)
                continue
            assert found.about == whole
    assert refused > 0.9 * cases


def test_a_damaged_import_is_refused_or_another_data_set(tmp_path):
    lines = (",".join(map(str, row)) + "\n" for row in rows())
    (tmp_path / "events.csv").write_text("user,item,time,rating\n" + "".join(lines))
    out, rng = tmp_path / "shop", random.Random(4)
    import_paths(out, tmp_path / "events.csv")
    whole = loaded(out)
    for path in sorted(out.iterdir()):
        refused = 0
        for _ in damages(path, rng):
            try:
                found = loaded(out)
            except CcdError:
                refused += 1
                continue
            if found.fingerprint == whole.fingerprint:
                assert (found.user_ids, found.item_ids) == (whole.user_ids, whole.item_ids)
        assert refused or path.name == "import.json"


@pytest.mark.parametrize("name", ["journal.log", "study.json"])
def test_a_damaged_study_is_refused_or_says_what_is_missing(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CCD_CACHE", str(tmp_path / "cache"))
    Path("own.gin").write_text(RECIPE.format(stub=STUB, more=SPACE))
    searched(Source("own.gin", allow_imports=(STUB,)), name="s")
    folder, rng, refused = Path("runs/search/s"), random.Random(5), 0
    kept = Path(shutil.copytree(folder, tmp_path / "kept"))
    whole = ended_trials(find_study("s", None).study)
    for _ in damages(folder / name, rng):
        try:
            opened = find_study("s", None)
            found = ended_trials(opened.study)
        except CcdError:
            refused += 1
            continue
        finally:  # looking sets a torn line aside
            shutil.copyfile(kept / "journal.log.flock", folder / "journal.log.flock")
        missing = any("cut short" in note for note in opened.store.notes)
        assert found == (whole[: len(found)] if missing else whole)
    assert refused > 0.3 * CASES


class Malicious:
    """Leaves a mark when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.mark),)


@pytest.mark.parametrize("name", READ)
@pytest.mark.parametrize("write", [torch.save, lambda x, path: path.write_bytes(pickle.dumps(x))])
def test_a_pickle_in_the_place_of_a_file_is_never_run(finished_folder, tmp_path, name, write):
    folder, mark = Path(shutil.copytree(finished_folder, tmp_path / "run")), tmp_path / "executed"
    path = folder / name
    path.unlink(missing_ok=True)  # the model is linked to the top of the folder
    write({"state": Malicious(mark)}, path)
    with suppress(CcdError):
        seen(folder)
    path.rename(folder / "FREEDOM-1" / CHECKPOINT_FILE)
    assert unfinished_runs(folder) == []
    with pytest.raises(DamagedFileError):
        read_state(folder / "FREEDOM-1" / CHECKPOINT_FILE)
    assert not mark.exists()

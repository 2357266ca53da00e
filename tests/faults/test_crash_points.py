"""A crash before each single call that changes the disk leaves what goes on, and nothing torn."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from functools import partial
from pathlib import Path

import pytest
import torch

from ccd.beside import replacing_folder, writing_beside
from ccd.errors import ResourceError
from ccd.files import write_text
from ccd.runs import manifest
from ccd.runs.checkpoints import CHECKPOINT_FILE, read_kept
from ccd.runs.folder import read_history, read_results
from ccd.runs.per_user import read_per_user
from ccd.runs.writing import RunFolder
from ccd.training.checkpoint import Checkpoint
from tests.faults.crashes import crash_points
from tests.importing.worlds import import_paths, loaded, rows
from tests.interruptions import FULL, Told, assert_same, run
from tests.runs.samples import SETTINGS, make_epoch, make_per_user, make_result

EPOCHS = 2


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Without waiting for the disk, and without what the manifest says of versions and commit."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)
    for name in ("versions", "machine"):
        monkeypatch.setattr(manifest, name, dict)
    monkeypatch.setattr(manifest, "git_commit", lambda folder: None)


def fill(path: Path, variants: str = "AB") -> None:
    """What ``ccd run`` does with a folder, but for the training."""
    with RunFolder(path, metric="recall@20") as folder:
        with folder.changing():
            folder.write_config("A.x = 1\n")
            folder.write_ids(["u1", "u2"], ["i1"])
        for variant, value in zip(variants, (0.2, 0.3), strict=False):
            with folder.leasing(variant, 999) as holder:
                assert holder is None
                _train(folder, variant, value)
        with folder.changing():
            folder.write_operative("A.x = 1\n")


def _train(folder: RunFolder, variant: str, value: float) -> None:
    known = folder.begin(
        variant, 999, settings=SETTINGS, fingerprint="f00d", checkpoint=Checkpoint(every_seconds=0)
    )
    if known is not None:
        return
    checkpoint = folder.checkpoint(variant, 999)
    state = checkpoint.take()
    done = 0 if state is None else int(state["sum"].item() // 10)
    assert done == checkpoint.epochs
    for epoch in range(done, EPOCHS):
        folder.record_epoch(make_epoch(variant, epoch=epoch))
        now = {"sum": torch.tensor(10.0 * (epoch + 1))}
        assert checkpoint.write(lambda now=now: now, epoch + 1) is None
    folder.record_finished(
        make_result(variant, value=value, epochs=EPOCHS),
        tensors={"items": torch.full((3, 2), value)},
        per_user=make_per_user(value, n=3),
        operative="A.x = 1\n",
    )


def files_of(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


EACH = pytest.param(1, marks=[pytest.mark.slow, pytest.mark.timeout(3600)], id="each")
"""Every single call; without that, some of them, to be quick."""


@pytest.mark.parametrize("every", [4, EACH])
def test_a_run_folder_goes_on_from_a_crash_at_any_call(tmp_path, every):
    fill(tmp_path / "run", "A")
    shutil.copytree(tmp_path / "run", tmp_path / "before")
    fill(tmp_path / "whole")
    points, torn = 0, 0
    for point in crash_points(lambda: fill(tmp_path / "run"), every=every):
        fill(tmp_path / "run")
        history = Counter((line.variant, line.epoch) for line in read_history(tmp_path / "run"))
        assert history == dict.fromkeys(
            ((variant, epoch) for variant in "AB" for epoch in range(EPOCHS)), 1
        ), point
        assert read_results(tmp_path / "run") == read_results(tmp_path / "whole"), point
        assert set(read_per_user(tmp_path / "run/per_user.parquet")) == {("A", 999), ("B", 999)}
        for name in ("model.safetensors", "A-999/model.safetensors", "operative.gin"):
            ours, theirs = (tmp_path / place / name for place in ("run", "whole"))
            assert ours.read_bytes() == theirs.read_bytes(), point
        left = files_of(tmp_path / "run")
        assert files_of(tmp_path / "whole") <= left
        # What a torn line held is set aside, not thrown away.
        assert left - files_of(tmp_path / "whole") <= {"history.jsonl.torn", "results.jsonl.torn"}
        torn += left > files_of(tmp_path / "whole")
        points += 1
        shutil.rmtree(tmp_path / "run")
        shutil.copytree(tmp_path / "before", tmp_path / "run")
    assert points > 90 // every
    assert torn or every > 1  # some crash leaves half a file; not one of each fourth


def test_a_new_run_folder_goes_on_from_a_crash_at_any_call(tmp_path):
    """As the last one, for a folder that is not there yet, up to its first epoch."""

    def begin() -> None:
        with RunFolder(tmp_path / "new/run", metric="recall@20") as folder:
            folder.write_config("A.x = 1\n")
            assert folder.begin("A", 999, settings=SETTINGS, fingerprint="f00d") is None
            folder.record_epoch(make_epoch("A"))

    for point in crash_points(begin):
        begin()
        assert len(read_history(tmp_path / "new/run")) == 1, point
        shutil.rmtree(tmp_path / "new")


@pytest.mark.parametrize("every", [pytest.param(43, id="some"), EACH])
def test_a_whole_run_goes_on_from_a_crash_at_any_call(tmp_path, monkeypatch, every):
    """All of ``ccd run``: pools, curriculum, a checkpoint after each epoch, table and figure."""
    monkeypatch.setenv("CCD_CACHE", str(tmp_path / "cache"))
    epochs, out = 4, tmp_path / "run"

    def work(out: Path, told: Told | None = None) -> None:
        run(out, f"Trainer.epochs = {epochs}", observer=told)

    work(tmp_path / "whole")
    went_on = Counter()
    for point in crash_points(lambda: work(out), every=every):
        kept, ended = read_kept(out / f"{FULL}-1" / CHECKPOINT_FILE), read_results(out)
        done = epochs if ended else 0 if kept is None else kept.epochs
        told = Told()
        work(out, told)
        assert told.epochs == epochs - done, point
        assert_same(out, tmp_path / "whole")
        assert not [*out.rglob("*.tmp"), *out.rglob(CHECKPOINT_FILE)]
        shutil.rmtree(out)
        went_on[done] += 1
    print(f"crashes by the number of epochs that were kept: {sorted(went_on.items())}")
    assert len(went_on) > 2
    assert set(went_on) == set(range(epochs + 1)) or every > 1


@pytest.mark.parametrize("before", ["nothing", "an import"])
def test_the_same_import_succeeds_after_a_crash_at_any_call(tmp_path, before):
    header, out = "user,item,time,rating\n", tmp_path / "shop"
    for name, n_users in (("old.csv", 10), ("new.csv", 14)):
        lines = (",".join(map(str, row)) + "\n" for row in rows(n_users))
        (tmp_path / name).write_text(header + "".join(lines))
    whole = tmp_path / "whole"
    import_paths(whole, tmp_path / "new.csv")
    points = 0

    def work() -> None:
        import_paths(out, tmp_path / "new.csv", overwrite=before != "nothing")

    def begin() -> None:
        shutil.rmtree(out, ignore_errors=True)
        if before != "nothing":
            import_paths(out, tmp_path / "old.csv")
            (out / "notes.txt").write_text("mine\n")

    begin()
    for _ in crash_points(work):
        import_paths(out, tmp_path / "new.csv", overwrite=True)  # it may be whole already
        assert loaded(out).fingerprint == loaded(whole).fingerprint
        assert files_of(whole) == files_of(out) - {"notes.txt"}
        assert (before == "nothing") != (out / "notes.txt").exists()
        assert not list(tmp_path.glob(".*"))
        points += 1
        begin()
    assert points > 10


def test_a_replaced_folder_is_the_old_or_the_new_one_after_a_crash_at_any_call(tmp_path):
    folder, texts = tmp_path / "export", set()

    def work(text: str) -> None:
        with replacing_folder(folder) as made:
            write_text(made / "vectors", text)

    work("old")
    for _ in crash_points(partial(work, "new")):
        with writing_beside(folder, lambda made: None):  # what the next command does first
            texts.add((folder / "vectors").read_text())
        assert not list(tmp_path.glob(".*"))
        work("old")
    assert texts == {"old", "new"}


def test_what_a_living_process_writes_beside_a_folder_is_left_alone(tmp_path):
    with replacing_folder(tmp_path / "a") as first:
        with replacing_folder(tmp_path / "a") as second:
            write_text(second / "x", "second")
        write_text(first / "x", "first")
    assert (tmp_path / "a" / "x").read_text() == "first"


def test_a_replaced_folder_is_brought_back_where_the_exchange_is_interrupted(tmp_path, monkeypatch):
    with replacing_folder(tmp_path / "a") as made:
        write_text(made / "x", "old")
    rename = os.rename

    def interrupted(source, target):
        if target == tmp_path / "a" and not source.name.endswith(".old.tmp"):
            raise KeyboardInterrupt
        rename(source, target)

    monkeypatch.setattr(os, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt), replacing_folder(tmp_path / "a") as made:
        write_text(made / "x", "new")
    assert (tmp_path / "a" / "x").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_link_to_a_folder_is_replaced_and_leaves_nothing(tmp_path):
    (tmp_path / "v1").mkdir()
    (tmp_path / "a").symlink_to("v1")
    with replacing_folder(tmp_path / "a") as made:
        write_text(made / "x", "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "v1"]
    assert not (tmp_path / "a").is_symlink()


def test_of_two_exchanges_at_once_one_is_kept_and_the_other_told(tmp_path, monkeypatch):
    rename = os.rename

    def between(source, target):
        rename(source, target)
        if target.name.endswith(".old.tmp"):
            (tmp_path / "a").mkdir()
            write_text(tmp_path / "a" / "x", "theirs")

    with replacing_folder(tmp_path / "a") as made:
        write_text(made / "x", "old")
    monkeypatch.setattr(os, "rename", between)
    with (
        pytest.raises(ResourceError, match="another process wrote this folder meanwhile"),
        replacing_folder(tmp_path / "a") as made,
    ):
        write_text(made / "x", "ours")
    assert (tmp_path / "a" / "x").read_text() == "theirs"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]

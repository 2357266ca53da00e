"""A run that diverges before its first evaluation is trained once, whoever else comes to it."""

import json
import time

import pytest

import ccd
from ccd.errors import NumericError
from ccd.runs.command import work_for
from ccd.runs.diverged import DIVERGED_FILE
from ccd.training.trainer import Training
from tests.faults.processes import ended, forked
from tests.interruptions import Told, assert_same, run

RUNS = 2


@pytest.fixture(autouse=True)
def diverging(tmp_path, monkeypatch):
    """Each training adds a line to a file, and diverges in its second epoch; none is evaluated."""
    monkeypatch.setenv("CCD_CACHE", str(tmp_path / "cache"))
    train = Training._train

    def broken(training, at):
        if at == 1:
            with (tmp_path / "trained").open("a") as file:
                file.write("once\n")
            raise NumericError(f"loss term 'bpr' became nan in epoch {at}", hint="lower the rate")
        return train(training, at)

    monkeypatch.setattr(Training, "_train", broken)


def diverge(out, *bindings, only=("FREEDOM",), **options):
    with pytest.raises(NumericError) as caught:
        run(out, "Trainer.evaluate_every = 3", *bindings, only=only, **options)
    return caught.value


def trainings(folder):
    return (folder / "trained").read_text().count("\n")


def share(tmp_path, command, **options):
    """The refusals of two processes of one command, which wait for one another to begin."""

    def work(name):
        work_for(command)
        (tmp_path / f"{name} is there").touch()
        while len(list(tmp_path.glob("* is there"))) < 2:
            time.sleep(0.01)
        error = diverge(tmp_path / "run", only=("FREEDOM", "FREEDOM+DMA"), **options)
        (tmp_path / f"{name}.json").write_text(json.dumps(error.to_json()))

    children = [forked(lambda name=name: work(name)) for name in "ab"]
    assert [ended(child) for child in children] == [0, 0]
    return [json.loads((tmp_path / f"{name}.json").read_text()) for name in "ab"]


@pytest.mark.parametrize("fresh", [False, True])
def test_two_processes_train_it_once_and_say_what_one_says(tmp_path, fresh):
    alone = diverge(tmp_path / "alone", only=("FREEDOM", "FREEDOM+DMA")).to_json()
    assert "2 of 2 runs diverged" in alone["what"]
    assert alone["mistakes"][0]["what"].startswith("variant 'FREEDOM', seed 1: loss term 'bpr'")
    if fresh:
        diverge(tmp_path / "run", only=("FREEDOM", "FREEDOM+DMA"))
    (tmp_path / "trained").unlink()
    assert share(tmp_path, "1f", fresh=fresh) == [alone, alone]
    assert trainings(tmp_path) == RUNS


def test_the_same_command_says_so_again_and_fresh_trains_it(tmp_path):
    first = diverge(tmp_path / "run")
    told = Told()
    again = diverge(tmp_path / "run", observer=told)
    assert trainings(tmp_path) == 1
    assert told.epochs == 0
    assert again.hint == "lower the rate; --fresh trains it once more"
    assert (again.what, again.where, again.keys) == (first.what, first.where, first.keys)
    assert str(diverge(tmp_path / "run", fresh=True)) == str(first)
    assert trainings(tmp_path) == 2


def test_it_stands_in_nobodys_way(tmp_path, monkeypatch):
    """Other settings are trained, and leave nothing of it; so does another version of ccd."""
    diverge(tmp_path / "run")
    diverge(tmp_path / "run", "Trainer.learning_rate = 0.002")
    assert trainings(tmp_path) == 2
    monkeypatch.setattr(ccd, "__version__", "0.0.1")
    diverge(tmp_path / "run", "Trainer.learning_rate = 0.002")
    assert trainings(tmp_path) == 3
    monkeypatch.undo()
    monkeypatch.setenv("CCD_CACHE", str(tmp_path / "cache"))
    run(tmp_path / "run", only=("FREEDOM",))
    run(tmp_path / "whole", only=("FREEDOM",))
    assert_same(tmp_path / "run", tmp_path / "whole")
    assert not (tmp_path / f"run/FREEDOM-1/{DIVERGED_FILE}").exists()


@pytest.mark.parametrize("damage", ["flip", "cut", "by hand", "another run's"])
def test_a_record_that_is_not_as_it_was_written_counts_as_none(tmp_path, damage):
    diverge(tmp_path / "run")
    record = tmp_path / f"run/FREEDOM-1/{DIVERGED_FILE}"
    text = record.read_text()
    by_hand = {**json.loads(text), "error": 5}
    del by_hand["checksum"]
    other = tmp_path / "other"
    diverge(other, seeds=(2,))
    pieces = {
        "flip": text.replace("nan", "inf"),
        "cut": text[:-20],
        "by hand": json.dumps(by_hand),
        "another run's": (other / f"FREEDOM-2/{DIVERGED_FILE}").read_text(),
    }
    assert pieces[damage] != text
    record.write_text(pieces[damage])
    (tmp_path / "trained").unlink()
    assert "seed 1: loss term 'bpr' became nan" in diverge(tmp_path / "run").what
    assert trainings(tmp_path) == 1
    assert record.read_text() != pieces[damage]

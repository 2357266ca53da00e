"""Random damage to every kind of file that readers of a run folder use: refused or without effect.

What is only written for people and other programs (the table, the figure, what is joined at the
top) is made anew whenever ``ccd run`` opens the folder, and read by nothing of ccd.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ccd
from ccd.analysis.comparing import gather
from ccd.analysis.differences import diff
from ccd.analysis.reproduction import reproduction
from ccd.errors import ConfigError, DamagedFileError
from ccd.files import finite
from ccd.finished.inspection import inspect_negatives
from ccd.runs.writing import RunFolder
from ccd.statistics.comparison import Comparison
from ccd.statistics.paired_tests import t_test
from ccd.views.page import collect

Change = Callable[[dict[str, Any]], object]

CASES = 500
READ = (
    "manifest.json", "config.gin", "user_ids.txt", "history.jsonl", "results.jsonl",
    "FREEDOM-1/operative.gin", "FREEDOM-1/run.json", "FREEDOM-1/per_user.parquet",
    "FREEDOM-1/model.safetensors",
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(finished_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = Path(shutil.copytree(finished_folder, tmp_path_factory.mktemp("damage") / "run"))
    with RunFolder(copy, metric="recall@20") as opened:
        opened.write_ids([f"user {i}" for i in range(60)], ())
    return copy


def seen(folder: Path) -> dict[str, Any]:
    """What readers of the folder see."""
    results = ccd.load_run(folder)
    runs, notes = gather([folder])
    one = next(run for run in results.runs if run.folder.name == "FREEDOM-1")
    found = diff(folder / "FREEDOM-1", folder / "FREEDOM-2", comparison=Comparison(
        test=t_test, resamples=2))  # fmt: skip
    return {
        "runs": [run.result for run in runs.values()],
        "notes": notes,
        "history": results.history().to_pylist(),
        "users": finite(results.per_user().slice(0, 40).to_pylist()),
        "tensors": {name: x.tolist() for name, x in one.tensors.items()},
        "settings": [(run.settings, run.how_it_ran, run.data_dir) for run in results.runs],
        "cutoffs": one.evaluator.cutoffs,
        "again": reproduction(list(runs.values())),
        "diff": found.to_json(),
        "negatives": inspect_negatives(
            results.run("FREEDOM+DMA+NDI+CNS", 1), user=None, epoch=None
        ),
    }


def damaged(data: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(data))
    kind = chance.choice(("bit", "bit", "bit", "byte", "cut", "zeros", "twice"))
    if kind == "bit":
        return data[:place] + bytes([data[place] ^ 1 << chance.randrange(8)]) + data[place + 1 :]
    if kind == "byte":
        return data[:place] + bytes([chance.randrange(256)]) + data[place + 1 :]
    if kind == "cut":
        return data[:place]
    if kind == "zeros":
        return data[:place] + bytes(len(data[place : place + 64])) + data[place + 64 :]
    return data[:place] + data[place : place + 16] + data[place:]


@pytest.mark.timeout(900)  # CASES times all that reads a folder
def test_damage_is_refused_or_said_and_never_shown_as_a_result(folder):
    whole, chance = seen(folder), random.Random(21)
    assert whole["notes"] == []
    began, refused, left_out = time.monotonic(), 0, 0
    for case in range(CASES):
        path = folder / READ[case % len(READ)]
        data, aside = path.read_bytes(), path.with_name("aside")
        os.replace(path, aside)  # the model is linked to the top of the folder
        path.write_bytes(damaged(data, chance))
        try:
            shown = seen(folder)
        except DamagedFileError:
            refused += 1
        except ConfigError as error:
            refused += 1
            is_told = "left out" in error.hint  # why the folder has no result, or not this one
            assert is_told, f"case {case}: {error}"  # noqa: PT017
        else:
            if shown["notes"]:  # a shorter list of results: the runs that are left are as they were
                assert path.name == "results.jsonl"
                left_out += 1
                assert 0 < len(shown["runs"]) <= len(whole["runs"])  # all, if bytes after them tore
                assert shown["runs"] == whole["runs"][: len(shown["runs"])]
            else:
                assert shown == whole, f"case {case}: {path}"
        finally:
            os.replace(aside, path)
    assert seen(folder) == whole
    assert left_out > 0
    assert refused > 0.9 * CASES
    print(f"{refused} refused, {left_out} left out, {time.monotonic() - began:.1f} s")


def drop(key: str) -> Change:
    return lambda record: record.pop(key)


def put(**values: Any) -> Change:
    return lambda record: record.update(values)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("history.jsonl", drop("valid")),
        ("history.jsonl", drop("losses")),
        ("history.jsonl", put(losses={"bpr": 0.1})),
        ("history.jsonl", put(epoch=10**30)),
        ("history.jsonl", put(negatives={"hard_false": "often"})),
        ("results.jsonl", put(test={"recall@20": float("nan")})),
        ("results.jsonl", put(valid={"recall@20": float("inf")})),
        ("results.jsonl", put(epochs=0)),
        ("results.jsonl", put(seconds={"total": "long"})),
        ("manifest.json", put(variants=7)),
        ("manifest.json", put(seeds=["a"])),
        ("manifest.json", put(data=5)),
        ("manifest.json", put(machine=[1])),
        ("manifest.json", put(earlier=[3])),
        ("FREEDOM-1/run.json", put(settings={"Trainer.epochs": 5})),
        ("FREEDOM-1/run.json", put(data_dir=["a"])),
        ("FREEDOM-1/run.json", put(files=7)),
    ],
)
def test_values_that_ccd_never_writes_are_refused_whole_or_not(folder, tmp_path, name, change):
    copy = Path(shutil.copytree(folder, tmp_path / "run"))
    path = copy / name
    lines = path.read_text().splitlines() if path.suffix == ".jsonl" else [path.read_text()]
    records = [json.loads(line) for line in lines]
    for record in records:
        del record["checksum"]
        change(record)
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    with pytest.raises(DamagedFileError, match=Path(name).name):
        seen(copy)


def test_a_page_says_which_figure_a_damaged_history_costs(folder, tmp_path):
    copy = Path(shutil.copytree(folder, tmp_path / "run"))
    history = copy / "history.jsonl"
    history.write_text(history.read_text()[:-2000])
    page = collect([copy], comparison=Comparison(test=t_test, resamples=2))
    assert "history.jsonl" in page.skipped["curves"]
    assert "ablation" in page.figures

"""``ccd.data.import_`` from memory, and the command line, which is the same."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet
from typer.testing import CliRunner

import ccd
from ccd.cli.data import data
from ccd.errors import CcdError, ConfigError, DataError
from tests.importing.worlds import loaded, pairs, rows

ROWS = rows()
COLUMNS = dict(zip(("user", "item", "time", "rating"), map(list, zip(*ROWS, strict=True)),
                   strict=True))  # fmt: skip


class Frame:
    """Gives itself as Arrow's, as Polars, DuckDB and pandas do."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def __arrow_c_stream__(self, schema: object = None) -> object:
        return self._table.__arrow_c_stream__(schema)


@pytest.mark.parametrize(
    "events",
    [
        COLUMNS,
        pa.table(COLUMNS),
        Frame(pa.table(COLUMNS)),
        {name: np.array(cells) for name, cells in COLUMNS.items()},
        [pa.table(COLUMNS).slice(0, 20), pa.table(COLUMNS).slice(20)],
    ],
    ids=["lists", "arrow", "frame", "numpy", "parts"],
)
def test_any_table_in_memory(events, tmp_path):
    names = [{"item": f"i{k:03d}", "title": f"Thing {k}"} for k in range(8)]
    imported = ccd.data.import_(
        events, tmp_path / "shop", items=pa.Table.from_pylist(names), split="leave-last-out"
    )
    assert pairs(imported.dataset) == {row[:2] for row in ROWS}
    assert imported.dataset.item_names[2] == "Thing 2"
    assert imported.report["splits"]["test"] == 12
    assert "12 users, 8 items" in repr(imported)


def test_the_folder_is_a_data_set_for_a_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    events = [dict(zip(COLUMNS, row, strict=True)) for row in rows(30, 60)]
    imported = ccd.data.import_(pa.Table.from_pylist(events), "shop")
    runs = ccd.run(
        "recipes/backbones.gin",
        only=["BPR-MF"],
        seeds=[1],
        dataset=str(imported.folder),
        data_dir=tmp_path,  # the folder of other data sets; this one's files lie in its own
        bindings=["Trainer.epochs = 1"],
        out="run",
    )
    lists = ccd.recommend("run", ["0003"], k=2)
    assert {record["user"] for record in lists.records()} == {"0003"}
    assert runs.runs[0].dataset().item_ids == imported.dataset.item_ids


@pytest.mark.parametrize(
    ("events", "words"),
    [
        (7, "expected a data frame"),
        ({"user": [1], "item": [1, 2]}, "cannot make a table"),
        ({"user": [], "item": []}, "there are no events"),
        ({"user": [1.5, 2.0], "item": [1, 2]}, "expected an id"),
        ({"user": [[1], [2]], "item": [1, 2]}, "holds no ids"),
        ({"user": ["a"] * 9, "item": range(9)}, "only 1 user is left"),
        ({"user": range(9), "item": ["a"] * 9}, "split is empty"),
        ({"user": ["a", "b"], "item": ["x", "y"], "time": ["1", "soon"]}, "expected a time"),
    ],
)
def test_wrong_tables_are_refused(events, words, tmp_path):
    with pytest.raises(CcdError, match=words):
        ccd.data.import_(events, tmp_path / "shop")
    assert not list(tmp_path.iterdir())


def test_a_refusal_names_the_row(tmp_path):
    with pytest.raises(DataError) as caught:
        ccd.data.import_({**COLUMNS, "time": ["2024-01-01"] * (len(ROWS) - 1) + ["?"]}, tmp_path)
    assert str(caught.value.where[0]) == f"<events> (row {len(ROWS) - 1})"


@pytest.mark.parametrize(
    "options",
    [
        {"where": "type ="}, {"since": "soon"}, {"user_core": 0}, {"split": "halves"},
        {"name": "a b"}, {"ratio": (1, 1)}, {"split": "time-points", "valid_from": "2024-01-01"},
        {"sample_users": 1}, {"split": "time-points", "valid_from": "x", "test_from": "y"},
    ],
)  # fmt: skip
def test_wrong_options_are_refused_before_anything_is_read(options, tmp_path):
    with pytest.raises(ConfigError):
        ccd.data.import_(tmp_path / "nosuch.csv", tmp_path / "shop", **options)


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """The current folder has events.parquet."""
    monkeypatch.chdir(tmp_path)
    parquet.write_table(pa.table(COLUMNS), "events.parquet")
    return tmp_path


def call(*words: str) -> str:
    answer = CliRunner().invoke(data, words, catch_exceptions=False)
    assert answer.exit_code == 0, answer.output
    return answer.stdout


def test_the_command_line_says_what_it_did(shop, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["ccd", "data", "import", "events.parquet", "--out", "shop"])
    text = call("import", "events.parquet", "--out", "shop", "--value-at-least", "3")
    low = sum(rating < 3 for *_, rating in ROWS)
    assert "user  user (guessed)" in text
    assert "time  time, seconds (guessed)" in text
    assert f"{-low:>+14,} value below 3" in text
    assert "ccd run recipes/backbones.gin --only LightGCN --dataset shop" in text
    assert json.loads((shop / "shop" / "import.json").read_text())["command"] == [
        "ccd", "data", "import", "events.parquet",
    ]  # fmt: skip
    assert "12 users" in call("describe", "shop")
    assert "all are as they were imported" in call("check", "shop")
    assert "split by leave-k-out" in call("split", "shop", "--out", "s", "--split", "leave-k-out")
    assert loaded(shop / "s").name == "s"
    assert "tables/train.parquet" in call("convert", "s", "--to", "lenskit", "--out", "tables")


def test_check_ends_with_the_code_of_data_errors(shop):
    call("import", "events.parquet", "--out", "shop")
    (shop / "shop" / "users.parquet").write_bytes(b"PAR1")
    answer = CliRunner().invoke(data, ["check", "shop", "--json"])
    assert answer.exit_code == DataError.exit_code
    assert json.loads(answer.stdout)["usable"] is False


def test_a_table_is_no_data_set_yet(shop):
    with pytest.raises(ConfigError) as caught:
        ccd.run("recipes/backbones.gin", dataset="events.parquet")
    assert "ccd data import events.parquet --out data/events" in str(caught.value)


def test_overwriting_keeps_what_is_not_of_the_import(shop):
    call("import", "events.parquet", "--out", "shop", "--name", "first")
    (shop / "shop" / "mine.txt").write_text("mine")
    call("import", "events.parquet", "--out", "shop", "--overwrite", "--name", "second")
    names = {path.name for path in (shop / "shop").iterdir()}
    assert {"mine.txt", "second.gin"} <= names
    assert "first.gin" not in names
    assert loaded(shop / "shop").n_users == 12


@pytest.mark.parametrize("report", ['{"files": {"mine.txt": ""}}', "[]", "no JSON"])
def test_a_folder_of_another_program_is_not_overwritten(shop, report):
    (shop / "other").mkdir()
    for name, text in (("import.json", report), ("mine.txt", "mine"), ("items.parquet", "mine")):
        (shop / "other" / name).write_text(text)
    with pytest.raises(ConfigError, match="is there already and is no import"):
        ccd.data.import_("events.parquet", "other", overwrite=True)
    assert (shop / "other/import.json").read_text() == report
    assert (shop / "other/mine.txt").read_text() == "mine"
    assert (shop / "other/items.parquet").read_text() == "mine"


def test_nothing_is_kept_in_the_module():
    before = {name: value for name, value in vars(ccd.data).items() if not name.startswith("__")}
    assert not [name for name, value in before.items() if isinstance(value, (list, dict, set))]
    assert all(not isinstance(value, ModuleType) for value in before.values())


def test_paths_and_companions(tmp_path):
    folder = Path(tmp_path / "ml")
    folder.mkdir()
    lines = ["userId,movieId,rating,timestamp"] + [f"{u},{i[1:]},{r},{t}" for u, i, t, r in ROWS]
    (folder / "ratings.csv").write_text("\n".join(lines) + "\n")
    titles = "".join(f'{k:03d},"Film, {k}"\n' for k in range(8))
    (folder / "movies.csv").write_text("movieId,title\n" + titles)
    imported = ccd.data.import_(str(folder), tmp_path / "out")
    assert imported.dataset.item_names[5] == "Film, 5"


@pytest.mark.parametrize("kind", ["matrix", "lists", "frame"])
def test_features_in_memory_find_their_items_by_id(kind, tmp_path):
    ids = [f"i{k:03d}" for k in (5, 3, 7, 0, 1, 2)]  # another order, and two items have none
    vectors = np.arange(18, dtype=np.float32).reshape(6, 3) + 1
    table = {"sku": ids, "vector": vectors if kind == "matrix" else vectors.tolist()}
    imported = ccd.data.import_(
        COLUMNS,
        tmp_path / "shop",
        features={"text": Frame(pa.table(table)) if kind == "frame" else table},
    )
    found = dict(zip(imported.dataset.item_ids, imported.dataset.features["text"], strict=True))
    assert {i: found[i].tolist() for i in ids if i in found} == {
        i: v.tolist() for i, v in zip(ids, vectors, strict=True) if i in found
    }
    assert len(set(ids) & set(found)) >= 5
    assert not found["i004"].any()
    assert imported.report["features"][0]["source"]["kind"].startswith("a table in memory")


def test_features_in_memory_that_are_none_are_refused(tmp_path):
    for wrong, said in (({"text": 3}, "expected a data frame"), ({"a/b": COLUMNS}, "a/b")):
        with pytest.raises(CcdError, match=said):
            ccd.data.import_(COLUMNS, tmp_path / "shop", features=wrong)
    assert not (tmp_path / "shop").exists()

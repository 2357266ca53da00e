"""Recommendations of a finished run: what they are, and what ``ccd recommend`` does with them."""

import csv
import io
import json
import shutil
from functools import partial

import numpy as np
import pyarrow.parquet as pq
import pytest
import typer
from rich.console import Console
from safetensors.numpy import load_file
from typer.testing import CliRunner

import ccd
from ccd.cli.recommend import recommend as command
from ccd.errors import ConfigError, DataError
from ccd.evaluation.ranking import best_items
from ccd.finished.recommendations import recommend
from ccd.finished.runs import choose_run
from ccd.views.recommended_text import RecommendedView
from tests.datasets.files import random_features, write_inter
from tests.runs.changed import seal

N_ITEMS, K = 30, 5
ITEMS = [f"B{99 - item}" for item in range(N_ITEMS)]
WIRING = """
Experiment.dataset = @mmrec_dataset
mmrec_dataset:
  name = 'shop'
  interactions = 'shop.inter'
  features = {'image': 'image_feat.npy'}
  item_order = 'items.txt'
  item_names = 'names.tsv'
"""
RECIPE = """
include 'gin/base.gin'
include 'gin/backbones/vbpr.gin'
Trainer.epochs = 2
FullRanking.cutoffs = (2,)
FullRanking.select = 'recall@2'
"""


def interactions():
    """User, item and split by id; 'greedy' leaves two items, 'new' has nothing in training."""
    rng = np.random.default_rng(3)
    rows = [
        ("greedy", item, split) for item, split in zip(ITEMS[2:], [0] * 26 + [1, 2], strict=True)
    ]
    for user in range(12):
        taken = rng.choice(ITEMS, 6, replace=False).tolist()
        rows += [(f"[u] {user}", i, x) for i, x in zip(taken, (0, 0, 0, 0, 1, 2), strict=True)]
    return [*rows, ("new", ITEMS[0], 2)]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A folder with a catalogue of the user's own in 'data' and a run of two seeds in 'run'."""
    folder = tmp_path_factory.mktemp("shop")
    data = folder / "data"
    data.mkdir()
    write_inter(data / "shop.inter", interactions())
    np.save(data / "image_feat.npy", random_features(N_ITEMS))
    (data / "items.txt").write_text("".join(f"{item}\n" for item in ITEMS))
    (data / "names.tsv").write_text(f"itemID\tname\n{ITEMS[0]}\tRed, round ball\n")
    (folder / "shop.gin").write_text(WIRING)
    (folder / "vbpr.gin").write_text(RECIPE)
    ccd.run(
        folder / "vbpr.gin", dataset=str(folder / "shop.gin"), data_dir=data, seeds=(1, 2),
        out=folder / "run",
    )  # fmt: skip
    return folder


@pytest.fixture
def call(shop):
    app = typer.Typer()
    app.command()(command)

    def invoke(*options, width=100):
        arguments = [str(shop / "run"), "--data-dir", str(shop / "data"), *map(str, options)]
        return CliRunner().invoke(app, arguments, env={"COLUMNS": str(width)})

    return invoke


def by_hand(shop, run="vbpr-1", k=K):
    """User id to the best (item id, score), by numpy from the files alone."""
    tensors = load_file(shop / "run" / run / "model.safetensors")
    users = (shop / "run" / "user_ids.txt").read_text().splitlines()
    items = (shop / "run" / "item_ids.txt").read_text().splitlines()
    lists = {}
    for user, row in zip(users, tensors["user_representations"], strict=True):
        # Of a user without training interactions the loader drops the others too.
        taken = {item for owner, item, _ in interactions() if owner == user and user != "new"}
        scores = dict(zip(items, (tensors["item_representations"] @ row).tolist(), strict=True))
        left = sorted(set(items) - taken, key=lambda item: -scores[item])
        lists[user] = [(item, scores[item]) for item in left[:k]]
    return lists


def check(records, expected):
    assert [record["user"] for record in records] == list(expected)
    for record in records:
        wanted = expected[record["user"]]
        assert [item["item"] for item in record["items"]] == [item for item, _ in wanted]
        scores = [item["score"] for item in record["items"]]
        assert scores == pytest.approx([score for _, score in wanted], abs=1e-5)
        assert [item["rank"] for item in record["items"]] == list(range(1, len(wanted) + 1))


@pytest.mark.parametrize("block_cells", [1, 70, 2_000_000])
def test_lists_equal_plain_numpy_on_the_saved_files(shop, monkeypatch, block_cells):
    in_blocks = partial(best_items, block_cells=block_cells)
    monkeypatch.setattr("ccd.finished.recommendations.best_items", in_blocks)
    found = recommend(choose_run(shop / "run", None, None), k=K, data_dir=shop / "data")
    assert found.items.shape == found.scores.shape == (14, K)
    check(list(found.records()), by_hand(shop))


def test_nothing_taken_is_recommended_and_short_lists_end(shop):
    run = choose_run(shop / "run", None, 2)
    found = recommend(run, ["greedy", "[u] 3", "greedy"], k=99, data_dir=shop / "data")
    assert found.items.shape == (2, N_ITEMS)
    assert (found.items[0] >= 0).sum() == 2
    assert np.isneginf(found.scores[0, 2:]).all()
    assert found.trained.tolist() == [26, 4]
    expected = by_hand(shop, "vbpr-2", 99)
    check(list(found.records()), {user: expected[user] for user in ("greedy", "[u] 3")})


def test_what_cannot_be_recommended_is_refused(shop):
    run = choose_run(shop / "run", None, None)
    with pytest.raises(ConfigError, match=r"no user 'gredy'.*mean greedy\? .*user_ids.txt, one a"):
        recommend(run, ["gredy"], data_dir=shop / "data")
    with pytest.raises(ConfigError, match="k must be at least 1 .*, got 0"):
        recommend(run, ["greedy"], k=0, data_dir=shop / "data")
    with pytest.raises(ConfigError, match=r"users must be a list, got 'greedy'; write users=\["):
        recommend(run, "greedy")


def test_a_run_remembers_where_its_data_were(shop, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    recommend(shop / "run", ["greedy"], variant="vbpr", seed=2)
    shutil.copytree(shop / "run", tmp_path / "moved")
    path = tmp_path / "moved" / "vbpr-1" / "run.json"
    path.write_text(path.read_text().replace(str(shop / "data"), str(tmp_path / "gone")))
    seal(path)
    with pytest.raises(DataError, match=r"no folder has all files of .*\n .*gone.*no such folder"):
        recommend(tmp_path / "moved", ["greedy"])


def test_ids_that_are_positions_are_numbers(finished_folder):
    run = choose_run(finished_folder, "FREEDOM", 2)
    assert next(recommend(run, [7]).records())["user"] == "7"
    with pytest.raises(
        ConfigError, match="no user '60' in data set 'planted'; its ids are 0 to 59"
    ):
        recommend(run, [60])


def test_users_are_shown_with_their_run(call):
    answer = call("--user", "[u] 3", "--user", "new", "--k", 30)
    assert answer.exit_code == 0, answer.output
    text = " ".join(answer.stdout.split())
    assert "vbpr, seed 1, model of epoch" in text
    assert "in train, validation and test" in text
    assert "user [u] 3, 4 training interactions" in text
    assert "user new, no training interaction: this list is not personal" in text
    assert "Red, round ball" in text


def test_narrow_windows_lose_nothing(shop):
    run = choose_run(shop / "run", None, None)
    found = recommend(run, ["new"], k=N_ITEMS, data_dir=shop / "data")
    console = Console(width=30, record=True, file=io.StringIO())
    console.print(RecommendedView(found))
    text = console.export_text()
    assert all(item in text for item in ITEMS)
    assert max(map(len, text.splitlines())) <= 30


def test_json_is_one_object_for_each_user(call, shop):
    answer = call("--user", "[u] 1", "--user", "greedy", "--k", K, "--seed", 2, "--json")
    records = [json.loads(line) for line in answer.stdout.splitlines()]
    expected = by_hand(shop, "vbpr-2")
    check(records, {user: expected[user] for user in ("[u] 1", "greedy")})
    assert records[0].items() >= {"variant": "vbpr", "seed": 2, "train_interactions": 4}.items()


def test_all_users_go_into_a_file_of_each_format(call, shop, tmp_path):
    for ending in ("parquet", "csv", "jsonl"):
        answer = call("--out", tmp_path / f"lists.{ending}", "--k", K)
        assert answer.exit_code == 0, answer.output
        assert "1 of them have no training interaction" in " ".join(answer.stdout.split())
    expected = by_hand(shop)
    lines = (tmp_path / "lists.jsonl").read_text().splitlines()
    check([json.loads(line) for line in lines], expected)
    table = pq.read_table(tmp_path / "lists.parquet")
    assert table.column_names == [
        "user", "train_interactions", "made_from", "rank", "item", "name", "score",
    ]  # fmt: skip
    assert table.schema.metadata[b"variant"] == b"vbpr"
    pairs = [(user, item) for user, ranked in expected.items() for item, _ in ranked]
    assert list(zip(table["user"].to_pylist(), table["item"].to_pylist(), strict=True)) == pairs
    assert table["rank"].to_pylist()[:K] == [1, 2, 3, 4, 5]
    with (tmp_path / "lists.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["user"], row["item"]) for row in rows] == pairs
    assert [float(row["score"]) for row in rows] == pytest.approx(table["score"].to_pylist())
    assert {row["name"] for row in rows if row["item"] == ITEMS[0]} == {"Red, round ball"}
    assert len(list(tmp_path.iterdir())) == 3  # no temporary file stays


def test_many_users_are_written_part_by_part(call, shop, tmp_path, monkeypatch):
    call("--out", tmp_path / "whole.parquet")
    call("--out", tmp_path / "whole.csv")
    monkeypatch.setattr("ccd.finished.recommendations.BLOCK_USERS", 4)
    call("--out", tmp_path / "parts.parquet")
    call("--out", tmp_path / "parts.csv")
    whole, parts = (pq.read_table(tmp_path / f"{name}.parquet") for name in ("whole", "parts"))
    # Products of matrices of other sizes are rounded otherwise.
    assert whole["score"].to_numpy() == pytest.approx(parts["score"].to_numpy(), abs=1e-6)
    assert whole.drop_columns("score").equals(parts.drop_columns("score"))
    for name, table in (("whole", whole), ("parts", parts)):
        with (tmp_path / f"{name}.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert [row["item"] for row in rows] == table["item"].to_pylist()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "lists of all users are written, which needs a file"),
        (("--json",), "lists of all users are written, which needs a file"),
        (("--out", "x.csv", "--json"), "--json writes to standard output"),
        (("--out", "x.xlsx"), "must end in .parquet, .csv, .jsonl, got"),
        (("--out", "no/such/x.csv"), "folder of --out no/such/x.csv does not exist"),
    ],
)
def test_commands_that_make_no_sense_are_refused_before_the_work(call, options, message):
    answer = call(*options)
    assert isinstance(answer.exception, ConfigError)
    assert message in str(answer.exception)


def test_the_files_of_a_run_are_not_overwritten(call, shop):
    before = (shop / "run" / "per_user.parquet").read_bytes()
    answer = call("--out", shop / "run" / "per_user.parquet")
    assert "a file that a run or a study consists of" in str(answer.exception)
    assert (shop / "run" / "per_user.parquet").read_bytes() == before

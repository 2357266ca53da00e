"""Whom ``ccd recommend`` serves and with which items: histories, candidates, block lists."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

import ccd
from ccd.cli import app
from ccd.cli.id_files import read_items_by_user
from ccd.errors import ConfigError, DataError
from ccd.serving.export import export
from ccd.serving.lists import Lists
from ccd.serving.vectors import open_vectors


@pytest.fixture(scope="module")
def run(finished_folder):
    return ccd.load_run(finished_folder).run("FREEDOM", seed=1)


@pytest.fixture(scope="module")
def knn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("knn")
    sizes = [f"planted_world.{size}" for size in ("n_users = 60", "n_items = 60", "n_clusters = 6")]
    recipe = folder / "knn.gin"
    recipe.write_text("include 'gin/base.gin'\ninclude 'gin/backbones/item_knn.gin'\n")
    ccd.run(recipe, dataset="planted", bindings=sizes, out=folder / "run")
    return ccd.load_run(folder / "run").run()


@pytest.fixture
def call(finished_folder):
    def invoke(*words):
        arguments = ["recommend", str(finished_folder), "--variant", "FREEDOM", *map(str, words)]
        return CliRunner().invoke(app, arguments)

    return invoke


def records(answer):
    assert answer.exit_code == 0, answer.output
    return [json.loads(line) for line in answer.stdout.splitlines()]


def test_a_stranger_is_served_by_the_mean_of_the_items(run):
    found = ccd.recommend(run, history=["7", 9, "unknown"], k=5)
    items = run.representations.items.numpy()
    scores = items @ items[[7, 9]].mean(axis=0)
    scores[[7, 9]] = -np.inf
    best = np.argsort(-scores)[:5]
    assert found.items.tolist() == [best.tolist()]
    assert found.scores[0] == pytest.approx(scores[best], abs=1e-5)
    assert found.made_from.tolist() == ["history"]
    assert (found.users.tolist(), found.trained.tolist(), found.n_cold) == ([-1], [0], 0)


def test_the_service_answers_the_same(run, tmp_path):
    export(run, tmp_path / "served")
    served = Lists(open_vectors(tmp_path / "served"))
    for history in (["7"], ["3", "50", "12"]):
        found = ccd.recommend(run, history=history, k=6)
        assert found.items[0].tolist() == served.for_history(history, 6).items.tolist()
    blocked = ccd.recommend(run, ["4"], k=6, exclude=["1", "2"])
    assert blocked.items[0].tolist() == served.for_user("4", 6, exclude=["1", "2"]).items.tolist()


def test_people_of_several_kinds_are_served_in_their_order(run):
    histories = {"new": ["3"], "13": ["1", "2"], "nobody": ["nothing"], "other": ["5", "6"]}
    found = ccd.recommend(run, history=histories, k=60, unknown="popular")
    assert found.ids == tuple(histories)
    assert found.made_from.tolist() == ["history", "vector", "popular", "history"]
    own = ccd.recommend(run, ["13"], k=60).items[0]
    listed = found.items[1][found.items[1] >= 0]
    assert listed.tolist() == [item for item in own if item >= 0 and item not in (1, 2)]
    popularity = np.bincount(found.dataset.train.items, minlength=60)
    assert found.scores[2].tolist() == sorted(popularity.tolist(), reverse=True)
    assert popularity[found.items[2]].tolist() == found.scores[2].tolist()
    alone = ccd.recommend(run, history=["5", "6"], k=60)
    assert found.items[3].tolist() == alone.items[0].tolist()
    assert found.n_cold == 1


def test_a_stranger_is_not_taken_for_a_user(run, monkeypatch):
    monkeypatch.setattr("ccd.finished.asking.STRANGER", "13")
    monkeypatch.setattr("ccd.finished.recommendations.BLOCK_USERS", 1)
    found = ccd.recommend(run, history=["7"], k=5)
    assert found.made_from.tolist() == ["history"]


def test_item_neighbours_fold_in_by_their_own_rule(knn):
    """A user's own interactions, given as a stranger's history, make the user's own list."""
    dataset = knn.dataset()
    taken = dataset.train.items[dataset.train.users == 8]
    own = ccd.recommend(knn, ["8"], k=20, keep_seen=True)
    stranger = ccd.recommend(knn, history=taken.tolist(), k=20, keep_seen=True)
    assert stranger.scores == pytest.approx(own.scores)
    assert stranger.items.tolist() == own.items.tolist()


def test_which_items_may_be_listed(run):
    dataset = run.dataset()
    popularity = np.bincount(dataset.train.items, minlength=60)
    fewest = int(np.median(popularity))
    found = ccd.recommend(run, items=range(40), exclude=["3", "x"], min_popularity=fewest, k=60)
    allowed = {i for i in range(40) if popularity[i] >= fewest} - {3}
    for user, row in enumerate(found.items):
        taken = {
            int(item)
            for split in (dataset.train, dataset.valid, dataset.test)
            for item in split.items[split.users == user]
        }
        assert set(row[row >= 0].tolist()) == allowed - taken
    kept = ccd.recommend(run, items=range(40), exclude=[3], min_popularity=fewest, keep_seen=True)
    everything = ccd.recommend(run, k=60, keep_seen=True)
    assert (np.sort(everything.items, axis=1) == np.arange(60)).all()
    for row, whole in zip(kept.items, everything.items, strict=True):
        assert row.tolist() == [item for item in whole if item in allowed][:10]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"users": ["1"], "history": ["2"]}, "a history is given instead of users"),
        ({"users": ["nobody"]}, "no user 'nobody' in data set"),
        ({"history": ["nothing"]}, "no item in the history of 'history' is known"),
        ({"history": {}}, "history names nobody"),
        ({"history": "7"}, "history must be a list"),
        ({"history": {"new": "7"}}, "history must be a list"),
        ({"items": ["x"]}, "no item of data set 'planted' may be listed"),
        ({"min_popularity": 10_000}, "no item of data set 'planted' may be listed"),
        ({"min_popularity": -1}, "min_popularity must be at least 0"),
        ({"unknown": "guess"}, "unknown must be 'refuse' or 'popular', got 'guess'"),
    ],
)
def test_what_cannot_be_served_is_refused(run, asked, message):
    with pytest.raises(ConfigError, match=message):
        ccd.recommend(run, **asked)


def test_lists_of_another_program_serve_no_stranger(tmp_path):
    lists = tmp_path / "lists.tsv"
    lists.write_text("user\titem\trank\n" + "".join(f"0\t{n}\t{n}\n" for n in range(1, 6)))
    ccd.import_results(lists, dataset="planted", out=tmp_path / "run", name="Other", seed=1)
    with pytest.raises(ConfigError, match="'Other' has lists of its users and no vectors"):
        ccd.recommend(tmp_path / "run", history=["7"])


def test_the_command_reads_files_of_ids(call, tmp_path, run):
    (tmp_path / "users.txt").write_text("3\n\n13\n")
    (tmp_path / "shelf.txt").write_text("\n".join(map(str, range(30))))
    (tmp_path / "blocked.txt").write_text("1\n2\n")
    found = records(
        call("--users", tmp_path / "users.txt", "--items", tmp_path / "shelf.txt", "--exclude",
             tmp_path / "blocked.txt", "--keep-seen", "--min-popularity", 2, "--json")
    )  # fmt: skip
    wanted = ccd.recommend(
        run, ["3", "13"], items=range(30), exclude=[1, 2], keep_seen=True, min_popularity=2
    )
    assert found == json.loads(json.dumps(list(wanted.records())))


def test_the_command_takes_histories(call, tmp_path, run):
    found = records(call("--history", "7, 9", "--json"))
    assert found == json.loads(json.dumps(list(ccd.recommend(run, history=[7, 9]).records())))
    for name, comma in (("taken.csv", ","), ("taken.tsv", "\t")):
        rows = [("item", "when", "user"), ("7", "x", "new"), ("1", "", "13"), ("9", "x", "new")]
        (tmp_path / name).write_text("\n".join(comma.join(row) for row in rows))
        found = records(call("--history", tmp_path / name, "--json"))
        assert [(one["user"], one["made_from"]) for one in found] == [
            ("new", "history"), ("13", "vector"),
        ]  # fmt: skip
    shown = call("--user", "nobody", "--history", "7").exception
    assert "a history is given instead of users" in str(shown)
    shown = call("--user", "nobody", "--unknown", "popular").stdout
    assert "user nobody, unknown to the run: popular items" in shown


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "columns user and item"),
        ("who\titem\n", "columns user and item"),
        ("user\titem\n", "holds no history"),
        ("user\titem\nnew\t\n", "a user or item is missing"),
        ("user\titem\nnew\n", "a user or item is missing"),
    ],
)
def test_a_file_that_is_no_history_is_refused(call, tmp_path, text, message):
    (tmp_path / "taken.tsv").write_text(text)
    found = call("--history", tmp_path / "taken.tsv").exception
    assert isinstance(found, DataError)
    assert message in str(found)


@pytest.mark.parametrize(
    "text",
    [
        'user,item\nu1,"i1\nu2,i2\nu3,i3\n',
        'user,item\nu1,"i1"x\n',
        f'user,item\nu1,"{"x" * 140_000}\n',
    ],
)
def test_a_quote_without_an_end_is_refused(tmp_path, text):
    path = tmp_path / "taken.csv"
    path.write_text(text)
    with pytest.raises(DataError, match="this history is no table") as caught:
        read_items_by_user(path, "history")
    assert str(path) in str(caught.value)
    assert "begins in line 2" in caught.value.hint


def test_a_quote_is_part_of_an_id_where_tabs_part_the_columns(tmp_path):
    (tmp_path / "taken.tsv").write_text('user\titem\nu1\t"i1\nu2\ti2\n')
    assert read_items_by_user(tmp_path / "taken.tsv", "history") == {"u1": ['"i1'], "u2": ["i2"]}

"""Lists from exported vectors: of known users, histories, popular and similar items."""

from dataclasses import replace

import numpy as np
import pytest

from ccd.errors import ConfigError
from ccd.finished.recommendations import recommend
from ccd.serving.export import export
from ccd.serving.index import ExactIndex, UsearchIndex
from ccd.serving.lists import Lists
from ccd.serving.vectors import open_vectors


@pytest.fixture(params=["exact", "approximate"])
def lists(exported, request):
    found = Lists(open_vectors(exported))
    if request.param == "exact":
        found._index = ExactIndex(found.vectors.items)
    assert isinstance(found._index, ExactIndex if request.param == "exact" else UsearchIndex)
    return found


def test_a_known_user_gets_what_ccd_recommend_lists(run, lists):
    expected = recommend(run, k=7)
    for row, user in enumerate(expected.users.tolist()):
        found = lists.for_user(str(user), 7)
        assert found.kind == "vector"
        assert found.items.tolist() == [i for i in expected.items[row].tolist() if i >= 0]
        assert found.scores == pytest.approx(expected.scores[row][: len(found.items)], rel=1e-4)


def test_seen_and_excluded_items_are_not_listed(lists):
    everything = lists.for_user("3", 60, keep_seen=True).items.tolist()
    assert sorted(everything) == list(range(60))
    seen = set(lists.vectors.seen(3).tolist())
    assert seen
    first = lists.for_user("3", 1).items[0]
    rest = lists.for_user("3", 60, exclude=[str(first), "unknown"]).items.tolist()
    assert set(rest) == set(range(60)) - seen - {first}


def test_a_history_is_served_by_the_mean_of_its_items(lists):
    found = lists.for_history(["5", "9", "unknown"], 5, exclude=["7"])
    items = lists.vectors.items
    scores = items @ items[[5, 9]].mean(axis=0)
    scores[[5, 7, 9]] = -np.inf
    assert found.items.tolist() == np.argsort(-scores)[:5].tolist()
    assert found.kind == "history"


def test_popular_items(lists):
    popularity = lists.vectors.popularity
    best = int(np.argmax(popularity))
    found = lists.popular(4, exclude=[str(best)])
    assert best not in found.items
    assert found.scores.tolist() == sorted(np.delete(popularity, best), reverse=True)[:4]


def test_similar_items_are_those_of_the_largest_cosine(lists):
    items = np.asarray(lists.vectors.items)
    unit = items / np.linalg.norm(items, axis=1, keepdims=True)
    cosines = unit @ unit[4]
    cosines[4] = -np.inf
    found = lists.similar("4", 60)
    assert found.items.tolist() == np.argsort(-cosines, kind="stable")[:59].tolist()
    assert lists.similar("4", 3).items.tolist() == found.items[:3].tolist()


@pytest.mark.parametrize(
    ("ask", "what"),
    [
        (lambda x: x.for_user("nobody", 3), "no user 'nobody'"),
        (lambda x: x.for_history(["nothing"], 3), "no item of the history is known"),
        (lambda x: x.similar("nothing", 3), "no item 'nothing'"),
    ],
)
def test_what_is_unknown_is_refused(lists, ask, what):
    with pytest.raises(ConfigError, match=what):
        ask(lists)


def test_what_cannot_be_had_is_in_no_list(lists):
    best = lists.for_user("3", 5).items
    popular = lists.popular(3).items
    gone = np.ones(len(lists.vectors.items), dtype=bool)
    gone[np.concatenate([best, popular])] = False
    lists.vectors = replace(lists.vectors, purchasable=gone)
    for found in (
        lists.for_user("3", 5),
        lists.for_history(["5", "9"], 5),
        lists.popular(5),
        lists.similar("5", 5),
    ):
        assert len(found.items) == 5
        assert gone[found.items].all()


def test_an_export_says_what_can_be_had(run, tmp_path, monkeypatch):
    dataset = run.dataset()
    purchasable = np.arange(dataset.n_items) % 3 > 0
    monkeypatch.setattr(type(run), "dataset", lambda *_: replace(dataset, purchasable=purchasable))
    export(run, tmp_path / "export")
    assert open_vectors(tmp_path / "export").purchasable.tolist() == purchasable.tolist()

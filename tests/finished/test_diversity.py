"""Diverse lists: MMR as its formula says it, and what is excluded for single users."""

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import ccd
from ccd.cli import app
from ccd.errors import ConfigError
from ccd.finished import diversity
from ccd.finished.diversity import CANDIDATES, Diversity


@pytest.fixture(scope="module")
def run(finished_folder):
    return ccd.load_run(finished_folder).run("FREEDOM", seed=1)


def by_hand(items, scores, vectors, weight, k):
    """MMR of one user, item by item, in plain Python."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    directions = vectors / np.where(lengths > 0, lengths, 1)
    low, high = min(scores), max(scores)
    left, chosen = dict(zip(items, scores, strict=True)), []

    def gain(item):
        likeness = max((float(directions[item] @ directions[c]) for c in chosen), default=0)
        return (1 - weight) * (left[item] - low) / (high - low) - weight * likeness

    while len(chosen) < k:
        best = max(left, key=gain)
        chosen.append(best)
        del left[best]
    return chosen


@pytest.mark.parametrize("weight", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("cells", [1, 8_000_000])
def test_lists_equal_the_formula(run, monkeypatch, weight, cells):
    monkeypatch.setattr(diversity, "_CELLS", cells)
    for space in ("trained", "text"):
        found = ccd.recommend(run, k=4, diversity=weight, diversity_by=space)
        plain = ccd.recommend(run, k=4 * CANDIDATES)
        items = run.representations.items.numpy()
        vectors = items if space == "trained" else found.dataset.features[space].astype("f4")
        scores = run.representations.users.numpy() @ items.T
        for user, row in enumerate(found.items):
            there = plain.items[user] >= 0
            listed, worth = plain.items[user][there].tolist(), plain.scores[user][there].tolist()
            assert row.tolist() == by_hand(listed, worth, vectors, weight, 4)
            assert found.scores[user] == pytest.approx(scores[user, row], abs=1e-5)


def test_more_diversity_makes_items_less_alike(run):
    features = torch.nn.functional.normalize(
        torch.from_numpy(run.dataset().features["text"].astype("f4"))
    )
    likeness = []
    for weight in (0, 0.3, 0.7):
        found = ccd.recommend(run, k=5, diversity=weight, diversity_by="text")
        rows = features[torch.from_numpy(found.items)]
        likeness.append((rows @ rows.transpose(1, 2)).mean().item())
    assert likeness == sorted(likeness, reverse=True)
    assert likeness[0] > likeness[-1] + 0.05
    same = ccd.recommend(run, k=5, diversity=0.0, diversity_by="text").items
    assert (same == ccd.recommend(run, k=5).items).all()


def test_short_lists_stay_short_and_name_nothing_twice():
    chosen = Diversity(torch.eye(4), 0.5).choose(
        torch.tensor([[2, 0, -1, -1], [-1, -1, -1, -1]]),
        torch.tensor([[3.0, 1.0, -torch.inf, -torch.inf], [-torch.inf] * 4]),
        4,
    )
    assert chosen[0].tolist() == [[2, 0, -1, -1], [-1] * 4]
    assert chosen[1].tolist() == [[3.0, 1.0, -np.inf, -np.inf], [-np.inf] * 4]


def test_strangers_get_diverse_lists_too(run):
    asked = {"history": {"new": ["7"], "nobody": ["x"]}, "unknown": "popular", "k": 5}
    found = ccd.recommend(run, **asked, diversity=0.8, diversity_by="text")
    plain = ccd.recommend(run, **asked)
    assert (found.items[:, 0] == plain.items[:, 0]).all()
    assert (found.items != plain.items).any(axis=1).all()


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"diversity": 1}, "diversity must be at least 0 and less than 1, got 1"),
        ({"diversity": float("nan")}, "diversity must be at least 0"),
        ({"diversity": "much"}, "diversity must be at least 0"),
        ({"diversity": 0.3, "diversity_by": "smell"}, "has no smell vectors .*text"),
        ({"exclude_for": ["7"]}, "exclude_for maps a user to items"),
        ({"exclude_for": {"3": "7"}}, "exclude_for must be a list"),
        ({"exclude_for": {"3": ["7"]}, "history": ["1"]}, "this history is nobody's"),
    ],
)
def test_what_makes_no_sense_is_refused(run, asked, message):
    with pytest.raises(ConfigError, match=message):
        ccd.recommend(run, **asked)


def test_items_are_excluded_for_single_users(run):
    histories = {"3": [], "5": ["1"], "new": ["7"], "nobody": ["x"]}
    asked = {"history": histories, "unknown": "popular", "k": 60}
    plain = ccd.recommend(run, **asked)
    apart = {
        user: row[row >= 0][:3].tolist() for user, row in zip(plain.ids, plain.items, strict=True)
    }
    del apart["5"]
    unknown = {"99999": [1], "3": [*apart["3"], "no such item"]}
    found = ccd.recommend(run, **asked, exclude_for=apart | unknown)
    for user, before, after in zip(found.ids, plain.items, found.items, strict=True):
        left = [item for item in before[before >= 0] if item not in apart.get(user, ())]
        assert after[after >= 0].tolist() == left
    # Also where all users are listed, and where what they took is.
    kept = ccd.recommend(run, k=60, keep_seen=True, exclude_for={3: [0, 1, 2]})
    assert not {0, 1, 2} & set(kept.items[3].tolist())
    assert {0, 1, 2} <= set(kept.items[4].tolist())


def test_the_command_takes_both(finished_folder, run, tmp_path):
    (tmp_path / "apart.csv").write_text("user,item\n3,0\n3,1\n")
    out = tmp_path / "lists.csv"
    options = ["--exclude-for", tmp_path / "apart.csv", "--diversity", 0.4, "--diversity-by"]
    words = ["recommend", finished_folder, "--variant", "FREEDOM", *options, "text", "--out", out]
    answer = CliRunner().invoke(app, [*map(str, words)])
    assert answer.exit_code == 0, answer.output
    wanted = ccd.recommend(run, exclude_for={"3": [0, 1]}, diversity=0.4, diversity_by="text").items
    lines = out.read_text().splitlines()[1:]
    assert [int(line.split(",")[4]) for line in lines] == wanted.reshape(-1).tolist()

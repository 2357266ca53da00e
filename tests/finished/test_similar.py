"""``ccd similar``: neighbours of an item in each space."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

import ccd
from ccd.cli import app
from ccd.datasets.scale import cosines_to
from ccd.errors import ConfigError


@pytest.fixture(scope="module")
def run(finished_folder):
    return ccd.load_run(finished_folder).run("FREEDOM+DMA+NDI+CNS", seed=1)


def by_hand(vectors, item, k):
    rows = vectors.astype(np.float64)
    there = rows.any(axis=1)
    rows[there] /= np.linalg.norm(rows[there], axis=1, keepdims=True)
    cosines = np.where(there, rows @ rows[item], -np.inf)
    cosines[item] = -np.inf
    best = np.argsort(-cosines)[:k]
    return best.tolist(), cosines[best]


@pytest.mark.parametrize("space", ["trained", "aligned", "text", "image"])
def test_neighbours_are_those_of_the_space(run, space, monkeypatch):
    monkeypatch.setattr("ccd.datasets.scale._BLOCK", 7)
    tables = {
        "trained": run.representations.items.numpy(),
        "aligned": run.tensors["aligned_items"].numpy(),
        **run.dataset().features,
    }
    item = int(np.flatnonzero(tables[space].any(axis=1))[3])
    found = ccd.similar(run, item, k=8, space=space)
    items, cosines = by_hand(tables[space], item, 8)
    assert found.items.tolist() == items
    assert found.cosines == pytest.approx(cosines, abs=1e-5)


def test_items_without_the_modality_are_nobodys_neighbours(run):
    features = run.dataset().features
    modality, missing = next(
        (name, np.flatnonzero(~table.any(axis=1)))
        for name, table in features.items()
        if not table.any(axis=1).all()
    )
    there = next(item for item in range(60) if item not in missing)
    found = ccd.similar(run, there, k=99, space=modality)
    assert sorted([*found.items, there, *missing]) == list(range(60))
    with pytest.raises(ConfigError, match=f"item '{missing[0]}' has no {modality} vector"):
        ccd.similar(run, missing[0], space=modality)


def test_vectors_of_any_scale_have_cosines():
    assert cosines_to(np.array([[1e30, 0], [1e30, 1e30], [0, 0]]), 0)[:2] == pytest.approx(
        [1, 0.5**0.5]
    )


@pytest.mark.parametrize(
    ("item", "options", "message"),
    [
        ("60", {}, "no item '60' in data set 'planted'; its ids are 0 to 59"),
        ("7", {"space": "txt"}, "no txt vectors of items; did you mean text"),
        ("7", {"k": 0}, "k must be at least 1"),
        ("7", {"seed": 1}, "an opened run has no use for seed"),
    ],
)
def test_what_cannot_be_compared_is_refused(run, item, options, message):
    with pytest.raises(ConfigError, match=message):
        ccd.similar(run, item, **options)


def test_without_dma_nothing_is_aligned(finished_folder):
    with pytest.raises(ConfigError, match="'FREEDOM' has no aligned vectors"):
        ccd.similar(finished_folder, 7, space="aligned", variant="FREEDOM")


def test_the_command_lists_them(finished_folder, run):
    words = ["similar", str(finished_folder), "--item", "7", "--k", "3"]
    answer = CliRunner().invoke(app, [*words, "--json"])
    found = [json.loads(line) for line in answer.stdout.splitlines()]
    assert found == json.loads(json.dumps(list(ccd.similar(run, 7, k=3).records())))
    shown = CliRunner().invoke(app, words).stdout
    assert "the 3 items most like 7, by cosine (trained)" in " ".join(shown.split())

from __future__ import annotations

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from ccd.datasets import Dataset, planted_world
from ccd.errors import ConfigError
from ccd.registry import find
from tests.datasets.worlds import small_world


@pytest.fixture(scope="module")
def world() -> Dataset:
    return planted_world([])


def splits(world: Dataset) -> list[set[tuple[int, int]]]:
    return [
        set(zip(part.users.tolist(), part.items.tolist(), strict=True))
        for part in (world.train, world.valid, world.test)
    ]


def popularity_and_affinity(world: Dataset, pairs: np.ndarray) -> tuple[float, float]:
    users, items = pairs
    cosine = np.sum(world.truth["user_latent"][users] * world.truth["item_latent"][items], axis=1)
    return float(world.truth["popularity"][items].mean()), float(cosine.mean())


def test_the_splits_are_disjoint_and_follow_the_toolbox_rule(world):
    train, valid, test = splits(world)
    assert not train & (valid | test)
    assert not valid & test
    assert [len(train), len(valid), len(test)] == [
        len(part) for part in (world.train, world.valid, world.test)
    ]
    counts = [np.bincount(part.users) for part in (world.train, world.valid, world.test)]
    n, held = sum(counts), counts[1] + counts[2]
    assert counts[0].min() >= 3
    np.testing.assert_array_equal(held, np.where(n < 10, 2, n // 5))
    np.testing.assert_array_equal(counts[1], np.where(n < 10, 1, held // 2))


def test_the_world_is_sparse_and_its_popularity_is_skewed(world):
    per_user = len(world.train) / world.n_users
    assert 5 < per_user < 8
    counts = np.sort(np.bincount(world.train.items, minlength=world.n_items))[::-1]
    top = counts[: world.n_items // 10].sum() / counts.sum()
    assert 0.2 < top < 0.6
    assert np.median(counts) <= 8


def test_users_take_what_they_like_and_what_is_popular(world):
    rng = np.random.default_rng(0)
    random = rng.integers(world.n_users, size=5000), rng.integers(world.n_items, size=5000)
    taken = popularity_and_affinity(world, (world.train.users, world.train.items))
    chance = popularity_and_affinity(world, random)
    assert taken[0] > 1.15 * chance[0]
    assert taken[1] > chance[1] + 0.5
    same = world.truth["user_cluster"][world.train.users]
    share = np.mean(same == world.truth["item_cluster"][world.train.items])
    assert share > 10 / len(np.unique(same))


def test_false_negatives_are_liked_as_the_training_items_are_and_in_no_split(world):
    pairs = world.truth["false_negatives"]
    assert pairs.shape == (world.n_users, 2)
    assert not set(map(tuple, pairs.tolist())) & set.union(*splits(world))
    _, liked = popularity_and_affinity(world, pairs.T)
    _, trained = popularity_and_affinity(world, (world.train.users, world.train.items))
    assert liked > trained
    affinity = world.truth["user_latent"] @ world.truth["item_latent"].T
    rank = (affinity > affinity[pairs[:, 0], pairs[:, 1]][:, None]).sum(axis=1)
    assert np.median(rank) < 0.02 * world.n_items


def test_cold_items_are_held_out_only(world):
    cold = world.truth["cold_items"]
    assert cold.sum() == int(0.02 * world.n_items)
    assert not cold[world.train.items].any()
    assert cold[world.valid.items].any()
    assert cold[world.test.items].any()


@pytest.mark.parametrize("modality", ["image", "text"])
def test_missing_rows_are_zero_and_placeholders_are_one_vector(world, modality):
    features = world.features[modality]
    missing, placeholder = (
        world.truth[f"{modality}_{kind}"] for kind in ("missing", "placeholder")
    )
    np.testing.assert_array_equal(missing, ~features.any(axis=1))
    assert 0.03 < missing.mean() < 0.07
    assert 0.01 < placeholder.mean() < 0.05
    assert len(np.unique(features[placeholder], axis=0)) == 1
    own = features[~missing & ~placeholder]
    assert len(np.unique(own, axis=0)) == len(own)


def test_views_tell_what_items_are_alike_text_better_than_image(world):
    clusters = world.truth["item_cluster"]
    purity = {}
    for modality, features in world.features.items():
        usable = ~(world.truth[f"{modality}_missing"] | world.truth[f"{modality}_placeholder"])
        unit = features[usable] / np.linalg.norm(features[usable], axis=1, keepdims=True)
        similarity = unit @ unit.T
        np.fill_diagonal(similarity, -1)
        nearest = np.argsort(-similarity, axis=1)[:, :5]
        own = clusters[usable]
        purity[modality] = np.mean(own[nearest] == own[:, None])
    chance = np.mean(clusters[:, None] == clusters)
    assert 5 * chance < purity["image"] < purity["text"] < 1


def test_a_view_is_not_linear_in_the_tastes():
    world = planted_world([], image_noise=0.0, missing_share=0.0, placeholder_share=0.0)
    features, latent = world.features["image"], world.truth["item_latent"]
    inputs = np.column_stack([latent, np.ones(len(latent))])
    fitted = inputs @ np.linalg.lstsq(inputs, features, rcond=None)[0]
    unexplained = np.var(features - fitted) / np.var(features)
    assert unexplained > 0.2


def test_a_seed_gives_one_world(world):
    again = planted_world([])
    assert again.fingerprint == world.fingerprint
    for key, value in world.truth.items():
        np.testing.assert_array_equal(value, again.truth[key])
    assert planted_world([], seed=8).fingerprint != world.fingerprint


def test_a_part_of_the_world_changes_alone(world):
    noisy = planted_world([], image_noise=2.0)
    assert splits(noisy) == splits(world)
    np.testing.assert_array_equal(noisy.features["text"], world.features["text"])
    assert not np.array_equal(noisy.features["image"], world.features["image"])


def test_content_is_read_only(world):
    for array in (*world.features.values(), *world.truth.values()):
        assert not array.flags.writeable


def test_notes_count_what_was_planted(world):
    assert "1,500 well-liked pairs are withheld" in world.notes[0]
    assert f"image: {world.truth['image_missing'].sum()} items have none" in world.notes[1]


@pytest.mark.parametrize(
    "settings",
    [
        {"n_users": 50, "n_items": 50, "n_clusters": 5, "affinity": 5.0},
        {"n_clusters": 1},
        {"n_clusters": 500},
        {"latent_dim": 1},
        {"variation": 0.0},
        {"affinity": 0.0, "zipf_exponent": 0.0},
        {"mean_interactions": 5.0},
        {"mean_interactions": 30.0},
        {"withheld": 0},
        {"withheld": 3, "cold_share": 0.5, "affinity": 5.0},
        {"cold_share": 0.0, "missing_share": 0.0, "placeholder_share": 0.0},
        {"missing_share": 0.9, "placeholder_share": 0.9},
        {"image_dim": 1, "text_noise": 0.0},
    ],
)
def test_extreme_settings_still_give_a_sound_world(settings):
    world = small_world(**settings)
    train, valid, test = splits(world)
    assert not train & (valid | test)
    assert not valid & test
    assert np.bincount(world.train.users, minlength=world.n_users).min() >= 3
    assert np.bincount(world.valid.users, minlength=world.n_users).min() >= 1
    assert not world.truth["cold_items"][world.train.items].any()
    assert len(world.truth["false_negatives"]) == settings.get("withheld", 1) * world.n_users
    assert all(np.isfinite(x).all() for x in world.features.values())


@pytest.mark.parametrize("settings", [{"withheld": 200}, {"zipf_exponent": 40.0}])
def test_a_world_with_too_few_items_to_take_is_refused(settings):
    with pytest.raises(
        ConfigError, match="different items, but 5 are needed; raise planted_world.n_items"
    ):
        small_world(**settings)


@pytest.mark.parametrize(
    ("setting", "value"),
    [("n_users", 10), ("n_items", 1.5), ("mean_interactions", 4.0), ("affinity", 100.0)],
)
def test_settings_are_typed_and_ranged(setting, value):
    with pytest.raises(ValidationError):
        TypeAdapter(find("planted_world").settings[setting].annotation).validate_python(value)


def test_growth_needs_no_users_by_items_matrix():
    world = planted_world([], n_users=20_000, n_items=50_000, mean_interactions=10.0)
    assert len(world.train) > 140_000
    assert world.features["image"].shape == (50_000, 64)

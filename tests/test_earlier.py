"""Runs that are made from earlier ones: refits on all data, and starts from their weights."""

import io
import json

import numpy as np
import pytest
import torch
from rich.console import Console

import ccd
from ccd.analysis.comparing import compare
from ccd.analysis.tables import build_table
from ccd.config.dataset import load_dataset
from ccd.datasets import data_folders
from ccd.datasets.planted import planted_world
from ccd.errors import ConfigError
from ccd.finished.recommendations import recommend
from ccd.finished.runs import choose_run
from ccd.runs.manifest import read_manifest
from ccd.serving.export import export
from ccd.statistics.comparison import Comparison
from ccd.statistics.paired_tests import wilcoxon
from ccd.training.transfer import match_ids
from ccd.views.recommended_text import RecommendedView
from ccd.views.table_text import TableView
from tests.conftest import TINY
from tools.two_days import write_days

RECIPE = "recipes/ablation_freedom.gin"
CCDREC = "FREEDOM+DMA+NDI+CNS"
SMALL = {"n_users": 80, "n_items": 100, "n_clusters": 8, "affinity": 4.0}
SHORT = [*TINY[3:], "CurricularSampler.candidate_fraction = 0.5"]


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CCD_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def refitted(finished_folder, tmp_path_factory):
    """Refits of CCDRec, both seeds."""
    out = tmp_path_factory.mktemp("refit") / "run"
    ccd.run(RECIPE, bindings=TINY, only=[CCDREC], seeds=(1, 2), out=out, refit=finished_folder)
    return out


@pytest.fixture(scope="module")
def days(tmp_path_factory):
    """Yesterday's and today's data, and a run of yesterday's."""
    folder = tmp_path_factory.mktemp("days")
    write_days(folder, planted_world(data_folders(None), **SMALL), 0.1)
    ccd.run(
        RECIPE, dataset=folder / "yesterday", bindings=SHORT, only=[CCDREC], seeds=(1,),
        out=folder / "run",
    )  # fmt: skip
    return folder


def test_a_refit_trains_on_everything_for_the_best_epochs(refitted, finished_folder):
    for seed in (1, 2):
        first, refit = choose_run(finished_folder, CCDREC, seed), choose_run(refitted, CCDREC, seed)
        assert refit.result.epochs == first.result.best_epoch + 1 == refit.result.best_epoch + 1
        dataset = refit.dataset()
        assert len(dataset.train) == first.dataset().n_interactions
        assert not len(dataset.valid)
        assert not len(dataset.test)
        assert [record.valid for record in refit.history] == [None] * refit.result.epochs
        inferred = refit.rebuild(dataset).infer()
        torch.testing.assert_close(inferred.items, refit.representations.items)


def test_a_refit_is_marked_wherever_it_is_shown(refitted, finished_folder, tmp_path):
    result = choose_run(refitted, CCDREC, 1).result
    assert (result.valid, result.test) == ({}, {})
    assert result.refit == str(finished_folder / f"{CCDREC}-1")
    assert "refit on all data" in repr(result)
    manifest = read_manifest(refitted)
    assert manifest["made_from"] == f"--refit {finished_folder}"
    assert manifest["test_openings"] == 0
    assert f"Refit on all data, so not measured: {CCDREC} (seeds 1, 2)" in (
        refitted / "table.md"
    ).read_text().replace("\\", "")
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(TableView(build_table([result], {}, baseline="FREEDOM")))
    assert console.export_text().strip() == (
        f"planted. Refit on all data, so not measured: {CCDREC} (seed 1)."
    )
    lists = recommend(refitted, [0])
    assert all(record["refit"] == result.refit for record in lists.records())
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(RecommendedView(lists))
    assert "refit on all data" in console.export_text()
    made = export(choose_run(refitted), tmp_path / "out")
    assert json.loads((made.folder / "export.json").read_text())["refit"] == result.refit
    assert "A refit" in (made.folder / "MODEL_CARD.md").read_text()
    with pytest.raises(ConfigError, match="nothing of it is measured"):
        compare([refitted], comparison=Comparison(test=wilcoxon))


def test_a_refit_of_other_settings_or_data_is_refused_with_the_difference(
    finished_folder, days, tmp_path
):
    def refit(bindings, **options):
        ccd.run(
            RECIPE, bindings=bindings, only=[CCDREC], seeds=(1,), out=tmp_path / "run",
            refit=finished_folder, **options,
        )  # fmt: skip

    with pytest.raises(ConfigError, match="Trainer.batch_size was 512, now 64"):
        refit([*TINY, "Trainer.batch_size = 64"])
    with pytest.raises(ConfigError, match="does not match this run"):
        refit([*TINY[1:], "planted_world.n_users = 61"])
    with pytest.raises(ConfigError, match="takes no weights"):
        refit(TINY, from_run=finished_folder)
    assert not (tmp_path / "run").exists()


def test_a_refit_goes_on_with_some_of_its_variants(finished_folder, tmp_path):
    def refit(variant):
        return ccd.run(
            RECIPE, bindings=TINY, only=[variant], seeds=(1,), out=tmp_path / "run",
            refit=finished_folder,
        )  # fmt: skip

    refit("FREEDOM")
    refit(CCDREC)
    assert ccd.load_run(tmp_path / "run").variants == ["FREEDOM", CCDREC]


def test_a_refit_of_what_was_never_run_names_the_option(finished_folder, tmp_path):
    with pytest.raises(ConfigError, match="has no run to be made from") as caught:
        ccd.run(
            RECIPE, bindings=TINY, only=["FREEDOM"], seeds=(7,), out=tmp_path / "run",
            refit=finished_folder,
        )  # fmt: skip
    assert caught.value.keys == ("--refit",)
    assert "--only or --seed" in caught.value.hint


def test_a_refit_does_not_mix_with_what_it_is_of(finished_folder):
    with pytest.raises(ConfigError, match="with another configuration"):
        ccd.run(
            RECIPE, bindings=TINY, only=[CCDREC], seeds=(1,), out=finished_folder,
            refit=finished_folder,
        )  # fmt: skip


def test_a_start_from_a_run_goes_on_where_it_was(finished_folder, tmp_path):
    ccd.run(
        RECIPE, bindings=[*TINY, "Trainer.epochs = 1", "Trainer.learning_rate = 1e-9"],
        only=["FREEDOM"], seeds=(1,), out=tmp_path / "run", from_run=finished_folder,
    )  # fmt: skip
    before, after = choose_run(finished_folder, "FREEDOM", 1), choose_run(tmp_path / "run")
    torch.testing.assert_close(after.representations.items, before.representations.items)
    assert after.result.valid == pytest.approx(before.result.valid, abs=1e-3)
    assert after.settings["--from"].startswith("FREEDOM ")


def test_other_users_and_items_are_refused_or_matched_by_id(days):
    def today(out, **options):
        return ccd.run(
            RECIPE, dataset=days / "today", bindings=[*SHORT, "Trainer.learning_rate = 1e-9"],
            only=[CCDREC], seeds=(1,), out=out, from_run=days / "run", **options,
        )  # fmt: skip

    with pytest.raises(ConfigError) as refused:
        today(days / "refused")
    ids = {day: _loaded(days, day).user_ids for day in ("yesterday", "today")}
    n_new = len({*ids["today"]} - {*ids["yesterday"]})
    assert n_new >= 2
    of = f"of {len(ids['yesterday'])}"
    assert f"users: {n_new} are new, 0 are gone, {of}" in str(refused.value)
    assert "add --match-ids" in str(refused.value)
    today(days / "matched", match_ids=True)
    before, after = choose_run(days / "run"), choose_run(days / "matched")
    for ids, name in (("user_ids", "user_embeddings"), ("item_ids", "item_embeddings")):
        places = match_ids(getattr(before, ids), getattr(after, ids))
        old, new = (run.weights[f"backbone.{name}"] for run in (before, after))
        known = torch.from_numpy(places >= 0)
        torch.testing.assert_close(new[known], old[torch.from_numpy(places[places >= 0])])
        assert 1 <= (~known).sum() <= 10  # those who arrived
    # A new item stands where its neighbours do: their mean is shorter than a random embedding of
    # the others would be, and nearer to them.
    items = torch.nn.functional.normalize(new, dim=1)
    cosines = items[~known] @ items[known].T
    assert cosines.max() > 0.5


def test_another_model_is_refused_with_the_weights_that_differ(finished_folder, tmp_path):
    with pytest.raises(ConfigError, match=r"item_embeddings was \[\.\.\., 64\], now \[\.\.\., 32"):
        ccd.run(
            RECIPE, bindings=[*TINY, "Experiment.dim = 32"], only=["FREEDOM"], seeds=(1,),
            out=tmp_path / "run", from_run=finished_folder,
        )  # fmt: skip


def test_ids_are_matched_whatever_their_order():
    np.testing.assert_array_equal(match_ids(["a", "b", "c"], ["c", "x", "a"]), [2, -1, 0])


def test_today_trains_on_what_yesterday_did_and_on_a_day_that_it_held_out(days):
    yesterday, today = _loaded(days, "yesterday"), _loaded(days, "today")
    assert _named(yesterday, "train") < _named(today, "train")
    more = _named(today, "train") - _named(yesterday, "train")
    assert more & _named(yesterday, "valid")
    assert _named(today, "test") - _named(yesterday, "test")


def _loaded(days, day):
    return load_dataset(str(days / day)).factory()([days / day])


def _named(dataset, split):
    """The pairs of a split by their ids."""
    pairs = getattr(dataset, split)
    return {
        (dataset.user_ids[user], dataset.item_ids[item])
        for user, item in zip(pairs.users, pairs.items, strict=True)
    }

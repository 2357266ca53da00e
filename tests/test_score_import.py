import json
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import ccd
from ccd.analysis.comparing import compare
from ccd.analysis.differences import diff
from ccd.cli import app
from ccd.config.recipe import load_recipe
from ccd.errors import ConfigError, DataError
from ccd.statistics.comparison import Comparison
from ccd.statistics.paired_tests import wilcoxon
from tests.datasets.files import write_dataset

FEW = Comparison(test=wilcoxon, resamples=20)


@pytest.fixture
def folder(finished_folder, tmp_path):
    return shutil.copytree(finished_folder, tmp_path / "run")


@pytest.fixture(scope="module")
def lists(finished_folder, tmp_path_factory):
    """The lists of FREEDOM, seed 1, as another program would write them: trained items too."""
    run = ccd.load_run(finished_folder).run("FREEDOM", 1)
    scores = (run.representations.users @ run.representations.items.T).numpy()
    path = tmp_path_factory.mktemp("lists") / "other.tsv"
    lines = [f"{u}\t{i}\t{scores[u, i]:.9g}" for u, i in np.ndindex(*scores.shape)]
    path.write_text("\n".join(["user\titem\tscore", *lines, ""]))
    return path


def test_the_lists_of_a_run_measure_what_the_run_did(folder, lists):
    done = ccd.import_results(lists, name="Other", out=folder)
    ours, theirs = (ccd.load_run(folder).run(name, 1) for name in ("FREEDOM", "Other"))
    assert [(r.variant, r.seed, r.epochs) for r in done] == [("Other", 1, 1)]
    assert theirs.result.test == pytest.approx(ours.result.test, abs=1e-6)
    for metric, values in ours.per_user.metrics.items():
        np.testing.assert_allclose(theirs.per_user.metrics[metric], values, atol=1e-6)


def test_every_command_treats_it_as_any_other(folder, lists):
    ccd.import_results(lists, name="Other", out=folder)
    found = compare([folder], comparison=FEW, slices=True, beyond=True)
    (contrast,) = (
        c for c in found.table.contrasts if (c.variant, c.metric) == ("Other", "recall@20")
    )
    assert (contrast.seeds, contrast.difference) == ((1,), pytest.approx(0.0, abs=1e-7))
    assert found.beyond["Other"]["coverage@20"][0] == found.beyond["FREEDOM"]["coverage@20"][0]
    assert any("seed 2: Other" in caution for caution in found.table.cautions)
    assert "Other" in (folder / "table.md").read_text()
    assert diff(folder / "FREEDOM-1", folder / "Other-1", comparison=FEW).settings
    for figure in ("ablation", "curves", "cost"):
        assert ccd.plot(folder, figure)
    run = CliRunner().invoke(app, ["report", str(folder)])
    assert run.exit_code == 0, run.output
    assert "Other" in (folder / "report.html").read_text()
    assert len(ccd.recommend(folder, ["3"], k=5, variant="Other").items[0]) == 5


def test_the_folder_keeps_its_recipe_and_its_name(folder, lists):
    before = load_recipe(folder / "config.gin")
    ccd.import_results(lists, name="Other", out=folder)
    after = load_recipe(folder / "config.gin")
    assert after.variants == (*before.variants, "Other")
    assert (after.seeds, after.baseline) == (before.seeds, before.baseline)
    assert all(after.graphs[name] == graph for name, graph in before.graphs.items())
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["recipe"] == "ablation_freedom"


def test_short_lists_are_measured_as_far_as_they_go(folder, tmp_path):
    run = ccd.load_run(folder).run("FREEDOM", 1)
    data = run.dataset()
    users = np.unique(data.test.users)[1:]  # one test user is left out
    path = tmp_path / "short.csv"
    hit = {u: data.test.items[data.test.users == u][0] for u in users}
    path.write_text("user,item,rank\n" + "".join(f"{u},{hit[u]},1\n" for u in users))
    with pytest.raises(ConfigError, match="the longest list has 1 items"):
        ccd.import_results(path, out=folder)
    with path.open("a") as file:
        taken = data.train.items[data.train.users == users[0]][:1]
        misses = [i for i in range(60) if i not in {*taken, *data.test.items}][:5]
        file.writelines(f"{users[0]},{i},{rank}\n" for rank, i in enumerate(misses, 2))
    said = CliRunner().invoke(app, ["import-results", str(path), "--out", str(folder)])
    assert said.exit_code == 0, said.output
    told = " ".join(said.stdout.split())
    assert f"has no list of 1 of {len(users) + 1} test users; they count as 0" in told
    assert "has 6 items, so nothing is measured at 10, 20, 50" in told
    short = ccd.load_run(folder).run("short")
    relevant = np.bincount(data.test.users, minlength=data.n_users)[users]
    assert set(short.result.test) >= {"recall@5", "ndcg@5"}
    assert "recall@10" not in short.result.test
    expected = (1 / relevant).sum() / (len(users) + 1)
    assert short.result.test["recall@5"] == pytest.approx(expected, abs=1e-6)


def test_a_new_folder_needs_the_data_set_and_joins_a_comparison(folder, lists, tmp_path):
    new = tmp_path / "new"
    with pytest.raises(ConfigError, match="data set of these lists is not known"):
        ccd.import_results(lists, out=new)
    assert not new.exists()
    own = tmp_path / "tiny.gin"
    own.write_text(
        "Experiment.dataset = @planted_world\n"
        "planted_world:\n  n_users = 60\n  n_items = 60\n  n_clusters = 6\n"
    )
    ccd.import_results(lists, out=new, dataset=str(own), seed=2)
    table = compare([folder, new], comparison=FEW).table
    assert table.rows[-1].variant == "other"
    assert table.rows[-1].seeds == (2,)


def test_nothing_is_overwritten_and_other_data_are_refused(folder, lists, tmp_path):
    ccd.import_results(lists, name="Other", out=folder)
    for name in ("Other", "FREEDOM"):
        with pytest.raises(ConfigError, match=f"finished run of '{name}' with seed 1"):
            ccd.import_results(lists, name=name, out=folder)
    with pytest.raises(ConfigError, match="another configuration"):
        ccd.import_results(lists, name="FREEDOM", seed=3, out=folder)
    ccd.import_results(lists, name="Other", seed=2, out=folder)
    assert [r.seed for r in ccd.load_run(folder)["Other"]] == [1, 2]
    bad = tmp_path / "bad.tsv"
    bad.write_text("user\titem\trank\n0\t60\t1\n")
    with pytest.raises(DataError, match=r"no item '60' .*\n.*bad.tsv:2"):
        ccd.import_results(bad, out=folder)
    with pytest.raises(ConfigError, match="this is no file"):
        ccd.import_results(tmp_path / "none.tsv", out=folder)
    assert not list(folder.glob("bad*"))


def test_what_recommend_writes_can_be_read_again(folder, tmp_path):
    out = tmp_path / "lists.parquet"
    said = CliRunner().invoke(
        app, ["recommend", str(folder), "--variant", "FREEDOM", "--out", str(out), "--k", "50"]
    )
    assert said.exit_code == 0, said.output
    assert "rank" in pq.read_table(out).column_names
    ccd.import_results(out, name="again", out=folder)
    # It leaves out what users have in any split, so there can be no hit.
    assert ccd.load_run(folder)["again"][0].test["recall@20"] == 0


def test_lists_have_no_vectors_to_export(folder, lists, tmp_path):
    ccd.import_results(lists, name="Other", out=folder)
    words = ["export", str(folder), "--variant", "Other", "--to", str(tmp_path / "served")]
    refused = CliRunner().invoke(app, words)
    assert isinstance(refused.exception, ConfigError)
    assert "'Other' has no vectors" in str(refused.exception)
    assert not (tmp_path / "served").exists()


def test_the_data_are_found_where_the_folders_runs_found_theirs(tmp_path, monkeypatch):
    monkeypatch.delenv("CCD_DATA", raising=False)
    data = write_dataset(tmp_path / "data")
    (tmp_path / "mini.gin").write_text(
        "Experiment.dataset = @mmrec_dataset\n"
        "mmrec_dataset:\n  name = 'mini'\n  interactions = 'mini.inter'\n"
        "  features = {'image': 'image_feat.npy'}\n"
    )
    (tmp_path / "own.gin").write_text(
        "include 'gin/base.gin'\ninclude 'gin/backbones/vbpr.gin'\nTrainer.epochs = 1\n"
        "FullRanking.cutoffs = (1,)\nFullRanking.select = 'recall@1'\n"
    )
    out, lists = tmp_path / "run", tmp_path / "other.csv"
    ccd.run(tmp_path / "own.gin", dataset=tmp_path / "mini.gin", data_dir=data, out=out)
    lists.write_text("user,item,rank\n0,3,1\n1,4,1\n2,5,1\n")
    ccd.import_results(lists, out=out)
    assert ccd.load_run(out).run("other").data_dir == data
    data.rename(tmp_path / "elsewhere")
    with pytest.raises(DataError, match="mini"):
        ccd.import_results(lists, name="second", out=out)
    ccd.import_results(lists, name="second", out=out, data_dir=tmp_path / "elsewhere")

import json

import numpy as np
import pytest

import ccd
from ccd.datasets.dataset import Dataset, Interactions
from ccd.errors import DamagedFileError
from ccd.runs import manifest as manifest_module
from ccd.runs.manifest import Manifest, refuse_changed_top

NONE = Interactions(np.zeros(0, np.int64), np.zeros(0, np.int64))
DATASET = Dataset(
    "planted", 3, 2, NONE, NONE, NONE, {}, fingerprint="f00d", notes=("1 item has no features",)
)

RECIPE = {"variants": ["A", "B"], "baseline": "A", "seeds": [1], "imports": []}


def read(folder):
    return json.loads((folder / "manifest.json").read_text())


def test_manifest_tells_data_versions_times_and_test_openings(tmp_path):
    manifest = Manifest(tmp_path)
    assert read(tmp_path)["status"] == "running"
    manifest.describe(recipe="r", **RECIPE, dataset=DATASET, device="cpu", engine="dgl", threads=2)
    manifest.count_test_opening()
    manifest.close("finished")
    record = read(tmp_path)
    assert record["data"]["fingerprint"] == "f00d"
    assert record["data"]["notes"] == ["1 item has no features"]
    assert (record["device"], record["engine"], record["threads"]) == ("cpu", "dgl", 2)
    assert record["test_openings"] == 1
    assert record["status"] == "finished"
    assert record["versions"]["numpy"] == np.__version__
    assert record["seconds"] >= 0
    assert record["peak_rss_mb"] > 10
    assert record["earlier"] == []
    assert {key: record[key] for key in RECIPE} == RECIPE
    # A process that fails before it knows its own recipe leaves what readers rely on.
    Manifest(tmp_path)
    assert {key: read(tmp_path)[key] for key in RECIPE} == RECIPE


def test_commit_is_that_of_ccd_not_of_the_current_folder(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(
        manifest_module, "git_commit", lambda folder: asked.append(folder) or "c0de"
    )
    monkeypatch.chdir(tmp_path)
    Manifest(tmp_path)
    assert read(tmp_path)["ccd_commit"] == "c0de"
    assert (asked[0] / "ccd" / "__init__.py").samefile(ccd.__file__)


def test_second_process_keeps_the_first_and_goes_on_counting(tmp_path):
    first = Manifest(tmp_path)
    first.count_test_opening()
    first.close("stopped")
    second = Manifest(tmp_path)
    second.count_test_opening()
    third = Manifest(tmp_path)
    assert third.test_openings == 2
    record = read(tmp_path)
    assert [entry["status"] for entry in record["earlier"]] == ["stopped", "running"]
    assert all("earlier" not in entry for entry in record["earlier"])


def test_processes_at_work_keep_each_others_digests(tmp_path):
    first, second = Manifest(tmp_path), Manifest(tmp_path)
    for manifest, name in ((first, "config.gin"), (second, "user_ids.txt")):
        (tmp_path / name).write_text(name)
        manifest.keep_digest(name)
    first.close("finished")
    assert read(tmp_path)["files"].keys() == {"config.gin", "user_ids.txt"}
    (tmp_path / "user_ids.txt").write_text("changed")
    refuse_changed_top(tmp_path / "config.gin")
    with pytest.raises(DamagedFileError, match="damaged or changed"):
        refuse_changed_top(tmp_path / "user_ids.txt")

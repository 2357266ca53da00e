import io
import json
import shutil

import pytest
from rich.console import Console

from ccd.errors import ConfigError
from ccd.reports.differences import Change, diff
from ccd.reports.differences_text import DifferencesView, one_sided
from ccd.statistics.comparison import Comparison
from ccd.statistics.paired_tests import wilcoxon

FEW = Comparison(test=wilcoxon, resamples=50)
CCDREC = "FREEDOM+DMA+NDI+CNS"


def shown(found):
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(DifferencesView(found))
    return console.export_text()


def test_two_variants_of_one_folder(finished_folder):
    first, second = (finished_folder / f"{name}-1" for name in ("FREEDOM", CCDREC))
    found = diff(first, second, comparison=FEW, most=5)
    changed = {change.key: change for change in found.settings}
    assert changed["Experiment.aligner"].second == "@DiffusionAligner"
    assert found.data == found.versions == ()
    recall = next(row for row in found.metrics if row.metric == "recall@20")
    assert recall.contrast.difference == pytest.approx(recall.second - recall.first, abs=1e-6)
    changes = [user.second - user.first for user in found.users]
    assert 0 < len(changes) <= 5
    assert changes == sorted(changes, reverse=True)
    text = shown(found)
    assert "only in the second:" in text
    assert "CurricularSampler (" in text
    assert "CurricularSampler.top_fraction" not in text
    assert json.loads(json.dumps(found.to_json()))["user_metric"] == "recall@20"


def test_a_run_with_itself_differs_in_nothing(finished_folder):
    found = diff(finished_folder, finished_folder, comparison=FEW, variant="FREEDOM")
    assert (found.settings, found.data, found.versions, found.users) == ((), (), (), ())
    assert shown(found).count("the same") == 3


def test_other_data_and_versions_are_said_and_users_then_not_compared(finished_folder, tmp_path):
    shutil.copytree(finished_folder, tmp_path / "run")
    path = tmp_path / "run" / "FREEDOM-1" / "run.json"
    about = json.loads(path.read_text())
    path.write_text(json.dumps({**about, "dataset_fingerprint": "x", "ccd_version": "9"}))
    found = diff(finished_folder / "FREEDOM-1", path.parent, comparison=FEW)
    assert [change.key for change in found.data] == ["fingerprint"]
    assert [(c.key, c.second) for c in found.versions] == [("ccd", "9")]
    assert found.users == ()
    assert "the data differ" in found.notes[0]
    assert found.metrics[0].contrast is None


def test_several_variants_need_a_name(finished_folder):
    with pytest.raises(ConfigError, match=r"several variants.*--variant.*FREEDOM-1"):
        diff(finished_folder, finished_folder, comparison=FEW)
    with pytest.raises(ConfigError, match="no finished run of 'x'"):
        diff(finished_folder, finished_folder, comparison=FEW, variant="x")


def test_components_of_one_side_are_counted_not_listed():
    changes = [Change("A.x", None, "1"), Change("A.y", None, "2"), Change("B.x", "1", "2"),
               Change("B.y", None, "2"), Change("C.x", "1", None)]  # fmt: skip
    assert one_sided(changes) == {"A": ("second", 2), "C": ("first", 1)}

import io
import json
import re
import shutil

import pytest
from rich.console import Console

from ccd.analysis.differences import Change, diff
from ccd.errors import ConfigError
from ccd.statistics.comparison import Comparison
from ccd.statistics.paired_tests import wilcoxon
from ccd.views.differences_text import DifferencesView, one_sided
from tests.runs.changed import seal

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
    assert shown(found).count("the same") == 4


def test_seeds_of_one_variant_that_ran_otherwise_are_all_told_of(finished_folder, tmp_path):
    shutil.copytree(finished_folder, tmp_path / "run")
    path = tmp_path / "run" / "FREEDOM-2" / "run.json"  # continued on another machine
    about = json.loads(path.read_text())
    about["how_it_ran"]["Experiment.threads"] = "8"
    path.write_text(json.dumps(about))
    seal(path)
    found = diff(finished_folder, tmp_path / "run", comparison=FEW, variant="FREEDOM")
    assert found.settings == ()
    assert found.how_it_ran == (Change("Experiment.threads", "0", "0, 8"),)
    text = shown(found)
    assert re.search(r"how it ran.*\n.*\nExperiment.threads +0 +0, 8", text)


def test_other_data_and_versions_are_said_and_users_then_not_compared(finished_folder, tmp_path):
    shutil.copytree(finished_folder, tmp_path / "run")
    path = tmp_path / "run" / "FREEDOM-1" / "run.json"
    about = json.loads(path.read_text())
    path.write_text(json.dumps({**about, "dataset_fingerprint": "x", "ccd_version": "9"}))
    seal(path)
    found = diff(finished_folder / "FREEDOM-1", path.parent, comparison=FEW)
    assert [change.key for change in found.data] == ["fingerprint"]
    assert [(c.key, c.second) for c in found.versions] == [("ccd", "9")]
    assert found.users == ()
    assert "the data differ" in found.notes[0]
    assert found.metrics[0].contrast is None


def test_users_are_compared_by_a_metric_that_both_know(finished_folder, tmp_path):
    shutil.copytree(finished_folder, tmp_path / "run")
    path = tmp_path / "run" / "results.jsonl"
    path.write_text(path.read_text().replace("recall@20", "recall@99"))
    seal(path)
    first, second = finished_folder / "FREEDOM-1", tmp_path / "run" / f"{CCDREC}-1"
    found = diff(first, second, comparison=FEW)
    assert (found.user_metric, bool(found.users)) == ("recall@5", True)
    with pytest.raises(ConfigError, match="not all runs have the metric 'recall@20'"):
        diff(first, second, comparison=FEW, metric="recall@20")
    path.write_text(path.read_text().replace("@", "@9"))
    seal(path)
    found = diff(first, second, comparison=FEW)
    assert (found.metrics, found.users, found.user_metric) == ((), (), "")
    assert "no test metric in common" in found.notes[0]
    assert "test metrics" not in shown(found)
    with pytest.raises(ConfigError, match="no test metric in common"):
        diff(first, second, comparison=FEW, metric="recall@20")


@pytest.mark.parametrize(
    ("width", "shares"),
    [(48, r"^ down +\d+%"), (66, r"\d+% +\d+% +\d+%")],
    ids=["blocks", "stacked"],
)
def test_every_number_is_shown_on_a_narrow_terminal(finished_folder, width, shares):
    first, second = (finished_folder / f"{name}-1" for name in ("FREEDOM", CCDREC))
    found = diff(first, second, comparison=FEW)
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(DifferencesView(found))
    text = console.export_text()
    contrast = found.metrics[0].contrast
    assert f"{contrast.low:+.4f} {contrast.high:+.4f}" in text
    assert len(re.findall(shares, text, re.MULTILINE)) == len(found.metrics)
    assert "↓: the second is worse" in " ".join(text.split())


def test_several_variants_need_a_name(finished_folder):
    with pytest.raises(ConfigError, match=r"several variants.*\n.*\n.*--variant.*FREEDOM-1"):
        diff(finished_folder, finished_folder, comparison=FEW)
    with pytest.raises(ConfigError, match="no finished run of 'x'"):
        diff(finished_folder, finished_folder, comparison=FEW, variant="x")


def test_components_of_one_side_are_counted_not_listed():
    changes = [Change("A.x", None, "1"), Change("A.y", None, "2"), Change("B.x", "1", "2"),
               Change("B.y", None, "2"), Change("C.x", "1", None)]  # fmt: skip
    assert one_sided(changes) == {"A": ("second", 2), "C": ("first", 1)}

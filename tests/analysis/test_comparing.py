import csv
import io
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from ccd.analysis.comparing import compare, gather
from ccd.analysis.differences import Change, diff
from ccd.analysis.slices import RankedLists, Slice, slices_of
from ccd.errors import ConfigError
from ccd.finished.runs import choose_run
from ccd.statistics.comparison import Comparison
from ccd.statistics.paired_tests import wilcoxon
from ccd.views.comparing_files import to_csv, to_latex
from ccd.views.comparing_text import ComparedView, to_markdown
from tests.runs.changed import seal

CCDREC = "FREEDOM+DMA+NDI+CNS"
FEW = Comparison(test=wilcoxon, resamples=50)


@pytest.fixture(scope="module")
def compared(finished_folder):
    metrics = ["recall@20", "ndcg@20"]
    return compare([finished_folder], comparison=FEW, metrics=metrics, slices=True, beyond=True)


def test_contrasts_are_against_the_recipes_baseline(compared, finished_folder):
    assert compared.table.baseline == "FREEDOM"
    assert [(c.variant, c.metric) for c in compared.table.contrasts] == [
        (CCDREC, "recall@20"), (CCDREC, "ndcg@20"),
    ]  # fmt: skip
    contrast, rows = compared.table.contrasts[0], compared.table.rows
    means = [row.cells["recall@20"].mean for row in rows]
    assert contrast.difference == pytest.approx(means[1] - means[0], abs=1e-6)
    assert contrast.low <= contrast.difference <= contrast.high
    assert contrast.seeds == (1, 2)
    other = compare([finished_folder], comparison=FEW, baseline=CCDREC, metrics=["recall@20"])
    assert other.table.contrasts[0].difference == pytest.approx(-contrast.difference)


def test_slices_of_users_and_of_items_add_up_to_the_whole(compared):
    rows = {(r.slice, r.variant): r for r in compared.slices["recall@20"]}
    whole = compared.table.rows[0].cells["recall@20"].mean
    cold, warm = rows["cold users", "FREEDOM"], rows["warm users", "FREEDOM"]
    total = cold.mean * cold.n_users + warm.mean * warm.n_users
    assert total / (cold.n_users + warm.n_users) == pytest.approx(whole, abs=1e-6)
    assert rows["cold users", "FREEDOM"].contrast is None
    assert 0 < rows["tail items", CCDREC].contrast.p_value <= 1
    assert any("modalities" in name for name, _ in rows)
    cold, warm = rows["cold items", CCDREC], rows["warm items", CCDREC]
    assert 0 < cold.n_users < warm.n_users


def test_a_slice_of_all_items_is_what_the_run_measured(finished_folder):
    run = choose_run(finished_folder, CCDREC, 1)
    dataset = run.dataset()
    lists = RankedLists(run, dataset)
    everything = lists.within(Slice("all", items=np.ones(dataset.n_items, dtype=bool)))
    for metric, values in run.per_user.metrics.items():
        np.testing.assert_allclose(everything.metrics[metric], values, atol=1e-6)
    assert lists.within(Slice("none", items=np.zeros(dataset.n_items, dtype=bool))) is None
    assert lists.within(Slice("none", users=np.zeros(dataset.n_users, dtype=bool))) is None
    popular = next(one for one in slices_of(dataset) if one.name == "popular items")
    assert popular.items.sum() == round(0.2 * dataset.n_items)


def test_beyond_accuracy_has_a_value_per_seed(compared):
    values = compared.beyond[CCDREC]
    assert set(values) >= {"coverage@20", "gini@20", "novelty@20"}
    assert all(len(per_seed) == 2 for per_seed in values.values())
    assert 0 < values["coverage@20"][0] <= 1


@pytest.mark.parametrize("width", [40, 80, 120, 200])
def test_nothing_is_dropped_at_any_width(compared, width):
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(ComparedView(compared))
    text = console.export_text()
    assert max(len(line.rstrip()) for line in text.splitlines()) <= width
    for words in ("cold users", "Against FREEDOM", "diversity image@20", CCDREC):
        assert words in text
    for found in (compared.table.contrasts[0], compared.slices["recall@20"][1].contrast):
        for number in (f"{found.difference:+.4f}", f"{found.low:+.4f} {found.high:+.4f}"):
            assert number in text
    rows = [row for rows in compared.slices.values() for row in rows if row.contrast]
    n_tested = len(compared.table.contrasts) + len(rows)
    if width == 40:  # a block per variant
        assert len(re.findall(r"^ loss +\d+%", text, re.MULTILINE)) == n_tested
    else:
        assert len(re.findall(r"\d+% +\d+% +\d+%", text)) == n_tested
        heads = re.findall(r"win +tie +loss", text)
        assert len(heads) == len({row.slice for row in rows}) * len(compared.slices) + 2


def test_all_formats_show_the_same(compared):
    assert "## recall@20 by slice" in to_markdown(compared)
    latex = to_latex(compared)
    assert latex.count("\\textbf") == latex.count("\\underline") == 2
    assert latex.count("\\begin{table}") == latex.count("\\end{table}") == 5
    for words in ("Against FREEDOM", "recall@20 by slice", "ndcg@20 by slice", "Beyond accuracy"):
        assert f"\\caption{{{words}" in latex
    noted = replace(compared, notes=("left out: a_b",))
    assert "\n% note: left out: a_b\n" in to_latex(noted)
    assert "\\toprule" in latex
    assert "$\\pm$" in latex
    lines = list(csv.DictReader(io.StringIO(to_csv(compared))))
    first = next(x for x in lines if (x["variant"], x["metric"]) == (CCDREC, "recall@20"))
    assert float(first["difference"]) == compared.table.contrasts[0].difference
    shares = [float(first[name]) for name in ("wins", "ties", "losses")]
    assert shares[1] == compared.table.contrasts[0].ties
    assert sum(shares) == pytest.approx(1)
    assert {x["slice"] for x in lines} >= {"all", "cold users", "tail items"}
    assert json.loads(json.dumps(compared.to_json()))["beyond"]


def test_folders_are_joined_and_other_settings_are_another_variant(finished_folder, tmp_path):
    shutil.copytree(finished_folder, tmp_path / "again")
    runs, notes = gather([finished_folder, tmp_path / "again"])
    assert len(runs) == 4
    assert len(notes) == 4
    assert "is the same run" in notes[0]
    path = tmp_path / "again" / "FREEDOM-1" / "run.json"
    about = json.loads(path.read_text())
    about["settings"]["Trainer.epochs"] = "6"
    path.write_text(json.dumps(about))
    seal(path)
    runs, _ = gather([finished_folder, tmp_path / "again"])
    assert ("FREEDOM (again)", 1) in runs
    path.write_text(json.dumps({**about, "dataset_fingerprint": "x"}))
    seal(path)
    with pytest.raises(ConfigError, match="compare runs of one data set"):
        gather([finished_folder, tmp_path / "again"])


def test_seeds_that_ran_otherwise_are_seeds_of_one_variant(finished_folder, tmp_path):
    folders = []
    for place, kept in enumerate((1, 2)):
        folders.append(tmp_path / str(place))
        shutil.copytree(finished_folder, folders[-1])
        results = folders[-1] / "results.jsonl"
        lines = results.read_text().splitlines(keepends=True)
        results.write_text("".join(x for x in lines if json.loads(x)["seed"] == kept))
        for other in folders[-1].glob(f"*-{3 - kept}"):
            shutil.rmtree(other)
        for path in folders[-1].glob("*/run.json"):
            about = json.loads(path.read_text())
            about["how_it_ran"] |= {"Experiment.threads": f"{place + 1}", "Experiment.device": "x"}
            path.write_text(json.dumps(about))
            seal(path)
    runs, notes = gather(folders)
    assert set(runs) == {(name, seed) for name in ("FREEDOM", CCDREC) for seed in (1, 2)}
    assert notes == []
    found = diff(*folders, comparison=Comparison(test=wilcoxon, resamples=5), variant="FREEDOM")
    assert found.settings == ()
    assert found.how_it_ran == (Change("Experiment.threads", "1", "2"),)


def test_two_folders_of_one_name_stay_two_variants(finished_folder, tmp_path):
    folders = []
    for name, epochs in (("a", "6"), ("b", "7")):
        folders.append(tmp_path / name / "again")
        shutil.copytree(finished_folder, folders[-1])
        for path in folders[-1].glob("FREEDOM-*/run.json"):
            about = json.loads(path.read_text())
            about["settings"]["Trainer.epochs"] = epochs
            path.write_text(json.dumps(about))
            seal(path)
    runs, _ = gather([finished_folder, *folders])
    names = {name for name, _ in runs}
    assert names == {
        "FREEDOM", "FREEDOM (again)", f"FREEDOM ({folders[1].resolve()})", CCDREC,
    }  # fmt: skip


def test_a_run_left_out_whose_metrics_differ_is_said_to(finished_folder, tmp_path):
    shutil.copytree(finished_folder, tmp_path / "run")
    path = tmp_path / "run" / "results.jsonl"
    path.write_text(path.read_text().replace('"recall@20": 0.', '"recall@20": 0.9'))
    seal(path)
    _, notes = gather([finished_folder, tmp_path / "run"])
    assert "though its metrics differ" in notes[0]


def test_runs_own_folders_have_the_recipes_baseline(finished_folder):
    folders = [finished_folder / f"{CCDREC}-1", finished_folder / "FREEDOM-1"]
    table = compare(folders, comparison=FEW, metrics=["recall@20"]).table
    assert table.baseline == "FREEDOM"


def test_the_folder_one_stands_in_has_the_recipes_baseline_too(finished_folder, monkeypatch):
    monkeypatch.chdir(finished_folder / f"{CCDREC}-1")
    for folders in ([Path(), Path("../FREEDOM-1")], [Path("..")]):
        assert compare(folders, comparison=FEW).table.baseline == "FREEDOM"


def test_runs_without_a_common_metric_are_refused_with_those_of_each(finished_folder, tmp_path):
    shutil.copytree(finished_folder, tmp_path / "other")
    path = tmp_path / "other" / "results.jsonl"
    path.write_text(path.read_text().replace("@20", "@30"))
    seal(path)
    about = tmp_path / "other" / "FREEDOM-1" / "run.json"
    about.write_text(about.read_text().replace('"Trainer.epochs": "5"', '"Trainer.epochs": "6"'))
    seal(about)
    folders = [finished_folder, about.parent]
    assert compare(folders, comparison=FEW).table.metrics[0] == "recall@5"
    with pytest.raises(
        ConfigError, match=r"not all runs have the metric 'recall@20'\n  .*FREEDOM-1.*: recall"
    ):
        compare(folders, comparison=FEW, metrics=["recall@20"])
    path.write_text(path.read_text().replace("@", "@1"))
    seal(path)
    with pytest.raises(
        ConfigError, match="no test metric in common\n  .*FREEDOM-1 and 3 more: rec"
    ):
        compare(folders, comparison=FEW)


def test_a_loss_is_marked_as_one_in_every_format(compared):
    table = compared.table
    cell = replace(table.rows[1].cells["recall@20"], p_value=0.0001, worse=True)
    contrast = replace(table.contrasts[0], p_value=0.0001, worse=True)
    rows = (table.rows[0], replace(table.rows[1], cells={**table.rows[1].cells, "recall@20": cell}))
    made = replace(compared, table=replace(table, rows=rows, contrasts=(contrast,)))
    latex = to_latex(made)
    assert "$^{\\downarrow***}$" in latex
    assert "0.0001$\\downarrow$***" in latex
    assert "against FREEDOM, two-sided; $\\downarrow$: worse (Wilcoxon" in latex
    assert "0.0001↓\\*\\*\\*" in to_markdown(made)
    for encoding, shown in (("utf-8", "0.0001↓***"), ("ascii", "0.0001v***")):
        stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
        Console(file=stream, width=80).print(ComparedView(made))
        stream.seek(0)
        assert shown in stream.read()


def test_a_caption_tells_of_what_is_there(compared):
    assert "gain over" not in to_latex(compared)
    assert "gain over" in to_markdown(compared)
    assert "a user's value" in to_markdown(compared)
    seeds = replace(compared, table=replace(compared.table, test="paired t-test over seeds, x"))
    assert "a user's value" not in to_markdown(seeds)


def test_unknown_names_are_refused(finished_folder):
    with pytest.raises(ConfigError, match="did you mean FREEDOM"):
        compare([finished_folder], comparison=FEW, baseline="FREEDON")
    with pytest.raises(ConfigError, match="no metric 'recal@20'"):
        compare([finished_folder], comparison=FEW, metrics=["recal@20"])

from pathlib import Path

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState

from ccd.cli.plot import plot
from ccd.cli.report import report
from ccd.errors import ConfigError
from ccd.figures.history import draw_history
from ccd.files import write_json
from ccd.search import study as names
from ccd.search.folders import STUDY_FILE, is_study
from ccd.search.storage import open_store
from ccd.search.studies import find_study
from ccd.search.study import BINDINGS, Study, create_study
from ccd.search.summary import ended_trials
from ccd.search.target import Source
from ccd.views.study_page import study_html

RATES = (0.1, 0.01, 0.02, 0.2, 0.5, 0.4)


@pytest.fixture
def folder(tmp_path):
    """A study as ``ccd search`` writes it, its values told instead of trained for."""
    made = tmp_path / "demo"
    made.mkdir()
    store = open_store(None, made)
    source = Source("my recipe.gin", dataset="baby", bindings=("Trainer.epochs = 2",))
    attributes = {
        names.METRIC: "recall@20", names.BUDGET: 8, names.RETRIES: 2,
        names.SOURCE: source.to_json(), names.IDENTITY: {"Experiment.backbone": "@FREEDOM <b>"},
    }  # fmt: skip
    create_study(store.backend, "demo", ("maximize",), attributes)
    study = optuna.load_study(study_name="demo", storage=store.backend)
    for slot, rate in enumerate(RATES):
        study.add_trial(
            optuna.trial.create_trial(
                value=rate / 2,
                params={"Trainer.learning_rate": rate},
                distributions={"Trainer.learning_rate": FloatDistribution(0, 1)},
                user_attrs={names.SLOT: slot, BINDINGS: {"Trainer.learning_rate": repr(rate)}},
            )
        )
    said = {names.SLOT: len(RATES), names.OUTCOME: "failed", names.REASON: "its loss is <nan>"}
    study.add_trial(optuna.trial.create_trial(state=TrialState.FAIL, user_attrs=said))
    write_json(made / STUDY_FILE, {"study": "demo", "storage": store.text})
    return made


def test_the_page_has_history_importances_trials_and_the_command(folder):
    assert is_study(folder)
    text = study_html(find_study(str(folder), None))
    for words in (
        "Study demo: recall@20 on validation", "7 of 8", "recall@20 0.2500 on validation, trial 4",
        "<h2>History</h2>", "best so far", "<td>100%</td>", "sums to 100 %",
        "Validation metric against the settings",
        "@FREEDOM &lt;b&gt;", "its loss is &lt;nan&gt;",
        "ccd search &#x27;my recipe.gin&#x27; --study demo --trials 8 --dataset baby --set",
    ):  # fmt: skip
        assert words in text, words
    assert "its loss is <nan>" not in text
    assert text.count('src="data:image/svg+xml;base64,') == 2
    assert text.index('<th scope="row">4</th>') < text.index('<th scope="row">3</th>')


def test_the_command_writes_it_and_takes_no_other_folder_beside_it(folder, capsys):
    report([folder])
    assert capsys.readouterr().out == f"{folder / 'report.html'}\n"
    assert (folder / "report.html").read_text(encoding="utf-8") == study_html(
        find_study(str(folder), None)
    )
    with pytest.raises(ConfigError, match="a study has a page of its own"):
        report([folder, folder])


def test_the_line_of_the_best_so_far_only_rises(folder):
    store = open_store(None, folder)
    ended = ended_trials(Study(store.backend, "demo"))
    marks, line = draw_history(ended, "recall@20").axes[0].lines
    assert list(marks.get_xdata()) == list(range(6))
    assert list(line.get_ydata()) == pytest.approx([0.05, 0.05, 0.05, 0.1, 0.25, 0.25])
    with pytest.raises(ConfigError, match="no trial of the study has a value"):
        draw_history(ended[-1:], "recall@20")


def test_a_study_without_trials_has_a_page_too(tmp_path):
    store = open_store(None, tmp_path)
    attributes = {
        names.BUDGET: 2,
        names.RETRIES: 2,
        names.SOURCE: Source("r.gin").to_json(),
        names.IDENTITY: {},
    }
    create_study(store.backend, tmp_path.name, ("maximize",), attributes)
    write_json(tmp_path / STUDY_FILE, {"study": tmp_path.name, "storage": store.text})
    text = study_html(find_study(str(tmp_path), None))
    assert "no trial of the study has a value" in text
    assert "Nothing can be said yet" in text


def test_a_study_of_another_storage_has_the_same_page_under_its_name(
    folder, tmp_path, monkeypatch, capsys
):
    journal, there = (folder / "journal.log").rename(tmp_path / "all.log"), tmp_path / "there"
    there.mkdir()
    monkeypatch.chdir(there)  # another machine: no folder of the study
    url = f"journal:{journal}"
    report([Path("demo")], storage=url)
    plot("sensitivity", Path("demo"), storage=url)
    written = [Path(line) for line in capsys.readouterr().out.splitlines()]
    assert [path.parent.as_posix() for path in written] == ["runs/search/demo"] * 3
    text = written[0].read_text(encoding="utf-8")
    assert f"--trials 8 --storage {url} --dataset baby" in text
    assert text.count('src="data:image/svg+xml;base64,') == 2
    with pytest.raises(ConfigError, match="no study 'other' in .*all.log"):
        report([Path("other")], storage=url)
    with pytest.raises(ConfigError, match="which has no figure 'curves'"):
        plot("curves", Path("demo"), storage=url)

import pkgutil
import re
import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from matplotlib.image import imread

from ccd.errors import ConfigError
from ccd.figures.catalogue import FIGURES, OPTIONS
from ccd.figures.plots import Request, draw
from ccd.figures.style import save
from ccd.figures.tradeoff import pareto_front
from ccd.finished.runs import open_runs
from tests.runs.changed import seal

CCDREC = "FREEDOM+DMA+NDI+CNS"


@pytest.mark.parametrize("kind", FIGURES)
def test_every_kind_is_drawn_from_a_run_folder_as_png_and_svg(finished_folder, tmp_path, kind):
    users = 2 if "users" in FIGURES[kind].options else None
    figure = draw(kind, Request(finished_folder, users=users))
    png, svg = save(figure, tmp_path / "deep.name")
    assert (png.name, svg.name) == ("deep.name.png", "deep.name.svg")
    height, width = imread(png).shape[:2]
    assert width > 500
    assert height > 200
    text = svg.read_text()
    assert "<text" in text  # text can be searched and read aloud


def test_the_catalogue_is_complete_and_docs_list_the_same_figures():
    for entry in FIGURES.values():
        assert callable(pkgutil.resolve_name(entry.draw))
        assert set(entry.options) <= set(OPTIONS)
        assert entry.summary
        assert entry.caption != entry.alt
    page = Path(__file__).parents[2].joinpath("docs/results.md").read_text(encoding="utf-8")
    table = page.partition("| figure | shows |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)`", table, re.MULTILINE) == list(FIGURES)


def test_the_catalogue_needs_nothing_heavy():
    heavy = ("matplotlib", "numpy", "torch")
    code = f"import sys, ccd.cli; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_name_that_is_no_figure_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="no figure 'pie'; choose one of ablation, curves"):
        draw("pie", Request(tmp_path))


def test_the_same_figure_has_the_same_bytes(finished_folder, tmp_path):
    files = [
        path.read_bytes()
        for name in ("a", "b")
        for path in save(draw("pools", Request(finished_folder)), tmp_path / name)
    ]
    assert files[:2] == files[2:]


def texts(figure):
    from matplotlib.text import Text

    return " ".join(found.get_text() for found in figure.findobj(Text))


def test_curves_mark_the_switches_of_the_pool(finished_folder):
    words = texts(draw("curves", Request(finished_folder)))
    for word in (
        "2/4",
        "3/4",
        "final",
        "validation recall@20",
        CCDREC,
        "planted: training, seeds 1",
    ):
        assert word in words
    only = draw("curves", Request(finished_folder, variant="FREEDOM", metric="ndcg@10"))
    assert CCDREC not in texts(only)
    assert "validation ndcg@10" in texts(only)
    with pytest.raises(ConfigError, match="no metric 'x'"):
        draw("curves", Request(finished_folder, metric="x"))


def test_curves_are_of_the_seed_asked_for(finished_folder):
    every = draw("curves", Request(finished_folder)).axes[1].lines
    assert len(draw("curves", Request(finished_folder, seed=2)).axes[1].lines) == 2
    assert len(every) == 4
    with pytest.raises(ConfigError, match="no finished run with seed 9\n.*\n  it has seeds 1, 2"):
        draw("curves", Request(finished_folder, seed=9))


@pytest.mark.parametrize(
    ("kind", "option"),
    [("cost", {"seed": 1}), ("ablation", {"metric": "recall@20"}), ("pools", {"users": 2}),
     ("sensitivity", {"variant": "FREEDOM"}), ("tsne", {"metric": "recall@20"})],
)  # fmt: skip
def test_an_option_that_a_figure_has_no_use_for_is_refused(finished_folder, kind, option):
    with pytest.raises(ConfigError, match=f"'{kind}' has no use for --{next(iter(option))}"):
        draw(kind, Request(finished_folder, **option))


def test_pools_name_the_setting_that_records_them(finished_folder, tmp_path):
    assert "hard: pool 4/4" in texts(draw("pools", Request(finished_folder)))
    shutil.copytree(finished_folder, tmp_path / "run")
    path = tmp_path / "run" / "history.jsonl"
    path.write_text(path.read_text().replace('"negatives": {', '"before": {'))
    seal(path)
    with pytest.raises(ConfigError, match="Experiment.probe = @NegativeProbe and a new --out"):
        draw("pools", Request(tmp_path / "run"))


def test_tsne_shows_every_space_before_and_after(finished_folder):
    words = texts(draw("tsne", Request(finished_folder, users=3)))
    for word in ("image", "text", "ID", "aligned", "fused", "before training", "best epoch"):
        assert word in words
    plain = texts(draw("tsne", Request(finished_folder, variant="FREEDOM", users=2)))
    assert "aligned" not in plain


@pytest.mark.parametrize("backbone", ["vbpr", "dualgnn"])
def test_tsne_of_a_backbone_whose_spaces_are_not_alike(backbone, tmp_path, monkeypatch):
    import ccd

    monkeypatch.setenv("CCD_CACHE", str(tmp_path / "cache"))
    recipe = tmp_path / "plain.gin"
    recipe.write_text(
        "include 'gin/base.gin'\n"
        f"include 'gin/backbones/{backbone}.gin'\n"
        "include 'gin/datasets/planted.gin'\n"
    )
    tiny = ["planted_world.n_users = 60", "planted_world.n_items = 60",
            "planted_world.n_clusters = 6", "Trainer.epochs = 1"]  # fmt: skip
    ccd.run(recipe, bindings=tiny, seeds=(1,), out=tmp_path / "run")
    words = texts(draw("tsne", Request(tmp_path / "run", users=2)))
    assert "fused" in words
    assert "ID" not in words


def test_negatives_shows_every_pool_that_training_uses(finished_folder):
    words = texts(draw("negatives", Request(finished_folder)))
    for pool in ("pool 2/4", "pool 3/4", "pool 4/4", "final"):
        assert f"negatives: {pool}" in words
    assert "negatives: random" in texts(draw("negatives", Request(finished_folder, "FREEDOM")))


def test_sensitivity_takes_a_folder_of_runs_and_refuses_what_does_not_vary(finished_folder):
    words = texts(draw("sensitivity", Request(finished_folder.parent)))
    assert "Experiment.aligner" in words
    with pytest.raises(ConfigError, match="1 finished runs differ in no setting"):
        draw("sensitivity", Request(finished_folder / "FREEDOM-1"))


def test_sensitivity_of_runs_without_a_common_metric_names_those_of_each(finished_folder, tmp_path):
    for name in ("a", "b"):
        shutil.copytree(finished_folder, tmp_path / name)
    path = tmp_path / "b" / "results.jsonl"
    path.write_text(path.read_text().replace("@", "@1"))
    seal(path)
    with pytest.raises(ConfigError, match="no validation metric in common") as caught:
        draw("sensitivity", Request(tmp_path))
    assert f"{tmp_path / 'a' / 'FREEDOM-1'} and 3 more: recall@5," in str(caught.value)
    assert f"{tmp_path / 'b' / 'FREEDOM-1'} and 3 more: recall@15," in str(caught.value)


def test_sensitivity_of_a_study_is_that_of_its_complete_trials(tmp_path, monkeypatch):
    import optuna

    from ccd.search import folders, studies
    from ccd.search.study import METRIC

    storage = optuna.storages.InMemoryStorage()
    study = optuna.create_study(study_name="s", storage=storage)
    study.set_user_attr(METRIC, "recall@20")
    fake = SimpleNamespace(name="s", storage=storage, yet=" yet")
    monkeypatch.setattr(studies, "find_study", lambda name, storage: SimpleNamespace(study=fake))
    (tmp_path / folders.STUDY_FILE).write_text("{}")
    with pytest.raises(ConfigError, match="no trial of study 's' is complete yet"):
        draw("sensitivity", Request(tmp_path))
    distributions = {
        "Trainer.learning_rate": optuna.distributions.FloatDistribution(0, 1),
        "adam.weight_decay": optuna.distributions.FloatDistribution(1e-6, 1, log=True),
    }
    for rate, value in ((0.01, 0.1), (0.001, 0.2)):
        trial = optuna.trial.create_trial(
            params={"Trainer.learning_rate": rate, "adam.weight_decay": rate},
            distributions=distributions, value=value,
        )  # fmt: skip
        study.add_trial(trial)
    study.add_trial(optuna.trial.create_trial(state=optuna.trial.TrialState.FAIL))
    figure = draw("sensitivity", Request(tmp_path))
    assert figure.axes[0].get_xlabel() == "Trainer.learning_rate"
    assert figure.axes[0].get_ylabel() == "validation recall@20"
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["0.001", "0.01"]
    assert [axes.get_xscale() for axes in figure.axes[:2]] == ["linear", "log"]
    with pytest.raises(ConfigError, match="leave out --metric"):
        draw("sensitivity", Request(tmp_path, metric="recall@20"))


def test_speed_is_the_best_so_far_by_seconds(finished_folder):
    runs = open_runs(finished_folder)
    run = next(r for r in runs if (r.result.variant, r.result.seed) == ("FREEDOM", 1))
    asked = Request(finished_folder, variant="FREEDOM", seed=1, metric="ndcg@10")
    (line,) = draw("speed", asked).axes[0].lines
    values = [epoch.valid["ndcg@10"] for epoch in run.history]
    assert list(line.get_ydata()) == [max(values[: n + 1]) for n in range(len(values))]
    spent = sum(sum(epoch.seconds.values()) for epoch in run.history)
    assert line.get_xdata()[-1] == pytest.approx(spent)
    assert len(draw("speed", Request(finished_folder)).axes[0].lines) == len(runs)


def test_tradeoff_fills_what_none_beats_in_less_time(finished_folder):
    results = [run.result for run in open_runs(finished_folder)]
    figure = draw("tradeoff", Request(finished_folder, metric="ndcg@10"))
    *dots, front = figure.axes[0].lines
    assert len(front.get_xdata()) == sum(dot.get_markerfacecolor() != "white" for dot in dots)
    means = {
        name: [
            statistics.fmean(values)
            for values in zip(
                *((r.seconds["total"], r.test["ndcg@10"]) for r in results if r.variant == name),
                strict=True,
            )
        ]
        for name in dict.fromkeys(result.variant for result in results)
    }
    assert [[*dot.get_xdata(), *dot.get_ydata()] for dot in dots] == [
        pytest.approx(point) for point in means.values()
    ]
    for dot, (seconds, value) in zip(dots, means.values(), strict=True):
        beaten = any(s <= seconds and v > value for s, v in means.values())
        assert (dot.get_markerfacecolor() == "white") == beaten
    shown = [text.get_text().split("  ")[-1] for text in figure.axes[1].texts]
    assert [name for name in shown if name] == sorted(means, key=lambda name: means[name][1])


def test_the_pareto_front_is_ordered_by_time():
    points = {
        "slow": (9, 0.3),
        "beaten": (5, 0.2),
        "quick": (1, 0.1),
        "even": (6, 0.2),
        "mid": (4, 0.2),
    }
    assert pareto_front(points) == ["quick", "mid", "slow"]

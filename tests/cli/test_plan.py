import json
import sys
import weakref
from types import SimpleNamespace

import pytest

from ccd import planning
from ccd.cli import main
from ccd.cli.plan import megabytes
from ccd.config.recipe import load_recipe
from ccd.errors import ConfigError
from ccd.planning import VariantPlan

SMALL = (
    *("--set", "planted_world.n_users = 200", "--set", "planted_world.n_items = 300"),
    *("--set", "Trainer.epochs = 7"),
)
RECIPE = ("plan", "recipes/ablation_freedom.gin", *SMALL)


@pytest.fixture
def ccd(monkeypatch, capsys):
    """Run the command line: exit code, stdout, stderr."""

    def command(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["ccd", *arguments])
        with pytest.raises(SystemExit) as caught:
            main()
        out, err = capsys.readouterr()
        return caught.value.code or 0, out, err

    return command


def test_every_variant_is_measured_and_nothing_is_written(ccd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = ccd(*RECIPE, "--json")
    assert code == 0, err
    plans = [json.loads(line) for line in out.splitlines()]
    assert [each["variant"] for each in plans] == [
        *("FREEDOM", "FREEDOM+DMA", "FREEDOM+DMA+NDI", "FREEDOM+DMA+NDI+CNS")
    ]
    plain, full = plans[0], plans[-1]
    assert plain["n_parameters"] > 500 * 64
    assert full["n_parameters"] - plain["n_parameters"] == 3 * 64 * 64  # DMA's attention
    assert plain["epoch"]["sample"] < full["epoch"]["sample"]
    # Weights, two moments, the best epoch's weights and representations, and what DMA adds.
    assert full["checkpoint_mb"] * 2**20 > 5 * 500 * 64 * 4
    for each in plans:
        assert each["max_epochs"] == 7
        assert each["peak_mb"] > 100
        trained = 7 * each["seconds_per_epoch"]
        assert each["seconds"] == pytest.approx(each["start"] + trained + each["test"])
    assert not list(tmp_path.iterdir())


def test_the_table_adds_up_the_seeds_and_fits_a_narrow_window(ccd, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    code, out, _ = ccd(*RECIPE, "--only", "FREEDOM", "--memory", "99GB")
    assert code == 0
    assert "3 seeds of all, one after another" in out
    assert max(map(len, out.splitlines())) <= 60


def test_too_much_memory_is_refused_after_the_table(ccd):
    code, out, err = ccd(*RECIPE, "--only", "FREEDOM", "--memory", "50MB")
    assert code == 5
    assert "7 epochs" in out
    assert "'FREEDOM' needs" in err
    assert "more than 50 MB" in err


def test_what_was_measured_is_told_where_a_later_variant_is_refused(ccd, monkeypatch):
    planned = planning._planned

    def short_of_memory(variant, *rest):
        if variant != "FREEDOM":
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return planned(variant, *rest)

    monkeypatch.setattr(planning, "_planned", short_of_memory)
    code, out, err = ccd(*RECIPE, "--only", "FREEDOM", "--only", "FREEDOM+DMA")
    assert code == 5
    assert "7 epochs" in out
    assert "planning 'FREEDOM+DMA'" in err
    assert "Traceback" not in err


def test_a_plan_lets_go_of_a_variant_before_the_next(monkeypatch):
    models = []
    measured = planning._measured

    def watched(variant, experiment, dataset, training, start):
        alive = sum(model() is not None for model in models)
        models.append(weakref.ref(training.model))
        assert alive == 0
        return measured(variant, experiment, dataset, training, start)

    monkeypatch.setattr(planning, "_measured", watched)
    sizes = ["planted_world.n_users = 200", "planted_world.n_items = 300"]
    recipe = load_recipe("recipes/ablation_freedom.gin", bindings=sizes)
    assert len(list(planning.plan(recipe, None))) == 4


def test_sizes():
    assert megabytes(None) is None
    assert megabytes("500MB") == 500
    assert megabytes("1.5 GB") == 1536
    with pytest.raises(ConfigError, match="--memory must be a size, got 6; write 500MB or 6GB"):
        megabytes("6")


@pytest.mark.parametrize("n_steps", [10, 36, 1000])
def test_an_epoch_is_what_its_steps_and_the_rest_take(n_steps):
    class Steady:
        def __init__(self):
            self.n_steps, self.taken = n_steps, 0

        def try_out(self, steps):
            steps = self.n_steps if steps is None else steps
            self.taken += steps
            return {"sample": 0.25, "evaluate": 0.5, "train": 2.0 + 0.01 * steps}

    training = Steady()
    found = planning._epoch(training)
    assert found == pytest.approx({"sample": 0.25, "evaluate": 0.5, "train": 2.0 + 0.01 * n_steps})
    assert training.taken < 75


def test_a_run_ends_at_its_limit():
    plan = VariantPlan("x", 1, 1.0, 1.0, 10.0, {"train": 2.0, "evaluate": 1.0}, 5.0, 40)
    assert plan.seconds_per_epoch == 3.0
    assert plan.seconds(20) == 75.0
    assert plan.seconds() == plan.seconds(40) == 135.0


def test_what_learns_nothing_takes_one_epoch(ccd):
    code, out, _ = ccd("plan", "recipes/board.gin", *SMALL[:4], "--only", "Popularity", "--json")
    found = SimpleNamespace(**json.loads(out))
    assert code == 0
    assert (found.n_parameters, found.max_epochs, found.checkpoint_mb) == (0, 1, 0)

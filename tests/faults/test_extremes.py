"""Settings at their ends, odd names and places, clocks that jump: trained whole, or refused."""

from __future__ import annotations

import json
import math
import os
import sys
import time
from datetime import datetime, timedelta

import pytest
from typer.testing import CliRunner

from ccd.cli import app, main
from ccd.errors import CcdError, NumericError, ResourceError
from ccd.finished.results import load_run
from ccd.runs import folder as run_folders
from ccd.runs import manifest
from ccd.runs.folder import read_results
from tests.datasets.files import N_ITEMS, write_dataset
from tests.importing.worlds import import_paths, rows
from tests.interruptions import FULL, assert_same, run


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CCD_CACHE", str(tmp_path / "cache"))


def is_finite(result):
    return all(math.isfinite(x) for x in [*result.valid.values(), *result.test.values()])


@pytest.mark.parametrize("rate", ["1e6", "1e30", "1e-30"])
def test_a_learning_rate_of_a_million_is_trained_or_refused(tmp_path, rate):
    told, both = "", ("FREEDOM", FULL)
    try:
        run(tmp_path / "run", f"Trainer.learning_rate = {rate}", only=both)
    except NumericError as error:
        told = str(error)
    assert ("runs diverged" in told) == ("Trainer.learning_rate" in told) == (rate == "1e30")
    results = read_results(tmp_path / "run")
    assert len(results) == (0 if told else 2)
    assert all(is_finite(result) for result in results)


TINY, ALMOST = "1e-300", "0.9999999999999999"
ENDS = {
    "linear, all small": ["@linear_betas", f"beta_start = {TINY}", f"beta_end = {TINY}"],
    "linear, all large": ["@linear_betas", f"beta_start = {ALMOST}", f"beta_end = {ALMOST}"],
    "linear, from end to end": ["@linear_betas", f"beta_start = {TINY}", f"beta_end = {ALMOST}"],
    "sigmoid, from end to end": ["@sigmoid_betas", f"beta_start = {TINY}", f"beta_end = {ALMOST}"],
    "sigmoid, steep": ["@sigmoid_betas", "width = 1e300"],
    "sigmoid, flat": ["@sigmoid_betas", f"width = {TINY}"],
    "cosine, no offset": ["@cosine_betas", f"offset = {TINY}"],
    "cosine, all offset": ["@cosine_betas", "offset = 1e300"],
    "exp, small": ["@exp_betas", f"beta_min = {TINY}", f"beta_max = {TINY}"],
    "exp, large": ["@exp_betas", "beta_min = 1e300", "beta_max = 1e300"],
}


@pytest.mark.parametrize("settings", ENDS.values(), ids=ENDS)
def test_betas_at_their_ends_train(tmp_path, settings):
    """Every end of a range is trained to finite numbers, or refused with the setting's name."""
    schedule, *values = settings
    bindings = [f"GaussianDiffusion.betas = {schedule}"]
    bindings += [f"{schedule[1:]}.{value}" for value in values]
    refusal, results = None, ()
    try:
        results = run(tmp_path / "run", "Trainer.epochs = 3", *bindings).results
    except CcdError as error:
        refusal = error
    assert all(is_finite(result) for result in results)
    assert results or isinstance(refusal, NumericError) or "betas" in str(refusal)


def test_a_device_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ResourceError, match=r"has no device 'cuda:97'(.|\n)*Experiment.device"):
        run(tmp_path / "run", "Experiment.device = 'cuda:97'")
    assert not (tmp_path / "run").exists()


class JumpingClock:
    """A time of day that goes back a year at every second look, and forward at the others."""

    def __init__(self):
        self.looks, self.time = 0, time.time

    def shift(self):
        self.looks += 1
        return 3.2e7 if self.looks % 2 else -3.2e7

    def __call__(self):
        return self.time() + self.shift()


def test_a_clock_that_jumps_changes_nothing(tmp_path, monkeypatch):
    run(tmp_path / "whole", "Checkpoint.every_seconds = 1000")
    clock = JumpingClock()

    class Day(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + timedelta(seconds=clock.shift())

    monkeypatch.setattr(time, "time", clock)
    for module in (manifest, run_folders):
        monkeypatch.setattr(module, "datetime", Day)
    run(tmp_path / "run", "Checkpoint.every_seconds = 1000")
    assert clock.looks > 0
    assert_same(tmp_path / "run", tmp_path / "whole")
    (result,) = load_run(tmp_path / "run").results
    assert all(0 <= seconds < 600 for seconds in result.seconds.values())
    assert 0 <= json.loads((tmp_path / "run/manifest.json").read_text())["seconds"] < 600


@pytest.mark.parametrize(("unit", "factor"), [("seconds", 1), ("milliseconds", 1000)])
def test_the_unit_of_times_is_recognised_and_said(tmp_path, unit, factor):
    lines = (f"{user},{item},{at * factor},{value}\n" for user, item, at, value in rows())
    (tmp_path / "events.csv").write_text("user,item,time,rating\n" + "".join(lines))
    report = import_paths(tmp_path / "out", tmp_path / "events.csv")
    assert unit in json.dumps(report["sources"])


NAMES = (
    "<script>alert(1)</script>", "../../x", "/etc/x", "\\input{x} $y$ 100%_&#", "**bold** [l](x)|a",
    "~", ".", "-rf", "a\tb", "\u202egnp", "CON", "n" * 300, "é", "{x}", "'; DROP TABLE", "a:b?c*d",
)  # fmt: skip
OWN = """\
include 'gin/base.gin'
include 'gin/backbones/bpr_mf.gin'
Ablation:
  variants = {variants!r}
  baseline = {baseline!r}
  seeds = (1, 2)
Trainer.epochs = 1
FullRanking.cutoffs = (5,)
FullRanking.select = 'recall@5'
"""


def ended(monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["ccd", *map(str, words)])
    with pytest.raises(SystemExit) as stopped:
        main()
    return stopped.value.code


def test_any_names_and_places_give_a_whole_run(tmp_path, monkeypatch, capsys):
    """Variants and items of such names, a folder behind links: nothing is written elsewhere."""
    data, place = tmp_path / "data", tmp_path / "place"
    place.mkdir()
    write_dataset(data / "mini")
    names = [f"{NAMES[at % len(NAMES)]} {at}".replace("\t", " ") for at in range(N_ITEMS)]
    lines = (f"{at}\t{name}\n" for at, name in enumerate(names))
    (data / "mini/names.tsv").write_text("itemID\tname\n" + "".join(lines))
    (tmp_path / "mini.gin").write_text(
        "Experiment.dataset = @mmrec_dataset\nmmrec_dataset:\n  name = 'mini'\n"
        "  interactions = 'mini.inter'\n  features = {}\n  item_names = 'names.tsv'\n"
    )
    variants = {name: [f"BPRMF.reg_weight = {at}e-4"] for at, name in enumerate(NAMES)}
    (tmp_path / "own.gin").write_text(OWN.format(variants=variants, baseline=NAMES[0]))
    real, link = tmp_path / "real", tmp_path / "link"
    real.mkdir()
    link.symlink_to(real)
    (tmp_path / "link to link").symlink_to(link)
    monkeypatch.chdir(place)
    out = tmp_path / "link to link" / "run"
    before = {path for path in tmp_path.rglob("*") if "cache" not in path.parts}
    options = ("--dataset", tmp_path / "mini.gin", "--data-dir", data, "--out", out)
    assert ended(monkeypatch, "run", tmp_path / "own.gin", *options) == 0, capsys.readouterr().err
    made = {path for path in tmp_path.rglob("*") if "cache" not in path.parts} - before
    assert all(path.is_relative_to(real / "run") for path in made)
    assert {(result.variant, result.seed) for result in load_run(out).results} == {
        (name, seed) for name in NAMES for seed in (1, 2)
    }
    for words in (["compare", out], ["report", out], ["diff", out, "--variant", NAMES[1]]):
        answer = CliRunner().invoke(app, [str(word) for word in words])
        assert answer.exception is None or isinstance(answer.exception, (CcdError, SystemExit))
    assert ended(monkeypatch, "recommend", out, "--variant", NAMES[1], "--user", "0") == 0
    page = next(real.rglob("*.html"), None)
    assert page is not None
    assert "<script>alert" not in page.read_text()
    assert not list(place.iterdir())
    assert os.path.samefile(out, real / "run")

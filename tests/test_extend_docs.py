"""docs/extend.md keeps its promises: its files train as they stand there."""

import inspect
import json
import math
import re
import shlex
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch

from ccd import catalogue, registry
from ccd.cli import main
from ccd.diffusion.noise_schedules import linear_betas
from tests.contracts import test_backbones, test_curricula, test_noise_schedules, test_samplers

TEXT = (Path(__file__).parents[1] / "docs" / "extend.md").read_text()
BLOCKS = re.findall(r"^```\w*\n(.*?)^```$", TEXT, re.M | re.S)
FILES = {m[1]: block for block in BLOCKS if (m := re.match(r"# (my_\w+\.(?:py|gin))\n", block))}
COMMANDS = [block.strip() for block in BLOCKS if block.startswith("ccd run ")]
TINY = [
    "planted_world.n_users = 60",
    "planted_world.n_items = 60",
    "planted_world.n_clusters = 6",
    "Trainer.epochs = 2",
    "Ablation.seeds = (1,)",
]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The page's files in the current folder; its parts leave the registry again."""
    catalogue.load()
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    write_clicks(tmp_path / "clicks.npz")
    monkeypatch.setattr(registry, "_COMPONENTS", dict(registry._COMPONENTS))
    monkeypatch.setenv("CCD_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for name in FILES:
        sys.modules.pop(name.removesuffix(".py"), None)


def write_clicks(path: Path) -> None:
    """What the page's data set reads: sixty users with five items each, two of them held out."""
    rng = np.random.default_rng(0)
    pairs = [
        (user, item, split)
        for user in range(60)
        for item, split in zip(rng.permutation(60)[:5], (0, 0, 0, 1, 2), strict=True)
    ]
    np.savez(path, pairs=np.array(pairs), text=rng.standard_normal((60, 8)))


READ = """
import sys
from ccd.cli import main
for words in sys.argv[1:]:
    sys.argv[1:] = words.split()
    try:
        main()
    except SystemExit as stopped:
        print(f"ended {stopped.code}: {words}", flush=True)
"""


def ccd(monkeypatch, *words: str) -> None:
    monkeypatch.setattr(sys, "argv", ["ccd", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code


def test_each_part_has_a_file_a_recipe_and_a_command():
    parts = ("schedule", "curriculum", "sampler", "backbone", "metric", "dataset", "diffusion")
    stems = [f"my_{part}" for part in (*parts, "tracker")]
    assert list(FILES) == [f"{stem}.{kind}" for stem in stems for kind in ("py", "gin")]
    assert [f"ccd run {stem}.gin --allow-import {stem}" for stem in stems] == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_it_trains(command, folder, monkeypatch):
    own_data = "my_dataset" in command
    tiny = [binding for binding in TINY if not (own_data and binding.startswith("planted_"))]
    sets = [word for binding in tiny for word in ("--set", binding)]
    ccd(monkeypatch, *shlex.split(command)[1:], *sets, "--out", "done")
    lines = (folder / "done" / "results.jsonl").read_text().splitlines()
    results = [json.loads(line) for line in lines]
    assert len(results) == 2
    assert all(math.isfinite(value) for result in results for value in result["test"].values())
    own = re.findall(r"^(?:def|class) (\w+)", FILES[shlex.split(command)[-1] + ".py"], re.M)
    text = (folder / "done" / "config.gin").read_text()
    assert own[0] in text


def test_what_the_parts_promise_is_there(folder, monkeypatch):
    """The metric is in the results, the tracker's file is written, DDIM ends at its estimate."""
    sets = [word for binding in TINY for word in ("--set", binding)]
    for stem in ("my_metric", "my_tracker"):
        run = ["run", f"{stem}.gin", "--allow-import", stem, *sets, "--only", "VBPR"]
        ccd(monkeypatch, *run, "--out", stem)
    (line,) = (folder / "my_metric" / "results.jsonl").read_text().splitlines()
    assert 0 <= json.loads(line)["test"]["first@10"] <= 1
    log = (folder / "my_tracker" / "epochs.log").read_text().splitlines()
    assert [row.split()[:2] for row in log] == [["VBPR", "0"], ["VBPR", "1"]]
    assert all("valid/recall@20" in row for row in log)
    monkeypatch.syspath_prepend(str(folder))
    process = import_module("my_diffusion").DDIM(torch.device("cpu"), betas=linear_betas, steps=9)
    x0, rng = torch.randn(5, 4), torch.Generator().manual_seed(0)
    # With the right estimate, each step goes back along the very path of the noise.
    noise, t = torch.randn(5, 4), torch.full((5,), 6)
    at_6, at_5 = process.add_noise(x0, noise, t), process.add_noise(x0, noise, t - 1)
    assert torch.allclose(process.step(x0, 6, at_6, torch.ones(5, 4)), at_5, atol=1e-5)
    kept = process.reverse(x0, lambda x, _: torch.full_like(x, 2.0), [3], rng)
    assert (kept[9] == 2.0).all()
    assert list(kept) == [3, 9]


def test_what_it_left_is_read_without_its_code(folder, monkeypatch):
    sets = [word for binding in TINY for word in ("--set", binding)]
    command = "run my_sampler.gin --allow-import my_sampler --out done"
    ccd(monkeypatch, *command.split(), *sets)
    one, other = sorted(path.parent.name for path in (folder / "done").glob("*/run.json"))
    readers = [
        "compare done --slices --beyond",
        f"diff done/{one} done/{other}",
        *(f"plot {kind} done" for kind in ("ablation", "curves", "pools", "cost", "sensitivity")),
        "report done",
        "negatives done",
        "recommend done --user 7",
    ]
    rebuilding = ["plot tsne done", "plot negatives done", "negatives done --user 7"]
    # In another process and without the file, so that nothing can have imported it.
    (folder / "my_sampler.py").unlink()
    read = subprocess.run(
        [sys.executable, "-c", READ, *readers, *rebuilding], capture_output=True, text=True
    )
    ended = [line for line in read.stdout.splitlines() if line.startswith("ended ")]
    assert ended == [
        *(f"ended 0: {words}" for words in readers),
        *(f"ended 2: {words}" for words in rebuilding),
    ], read.stderr
    assert read.stderr.count("--allow-import my_sampler") == len(rebuilding)


def test_list_shows_them(folder, monkeypatch, capsys):
    ccd(monkeypatch, "list", "root_curriculum", "--allow-import", "my_curriculum")
    out = capsys.readouterr().out
    assert "Root pacing: quick" in out
    assert "Which root; 1 is linear." in out
    assert out.index("passed by ccd") < out.index("  epoch: ") < out.index("  n_pools: ")


@pytest.mark.parametrize(
    ("module", "name", "contract", "cases"),
    [
        ("my_schedule", "power_betas", test_noise_schedules.TestNoiseSchedules, [4, 20]),
        ("my_curriculum", "root_curriculum", test_curricula.TestCurricula, [1, 4, 7]),
        ("my_sampler", "SoftmaxSampler", test_samplers.TestSamplers, [0, 1, 9]),
        ("my_backbone", "ContentMF", test_backbones.TestBackbones, [None]),
        ("my_backbone", "ContentMF", test_backbones.TestTrainedBackbones, [None]),
    ],
)
def test_its_family_s_contract_holds(module, name, contract, cases, folder, monkeypatch):
    monkeypatch.syspath_prepend(str(folder))
    import_module(module)
    own = registry.find(name)
    for key, rule in inspect.getmembers(contract()):
        for case in cases if key.startswith("test_") else []:
            rule(own) if case is None else rule(own, case)


@pytest.mark.parametrize(
    "part",
    [
        "my_schedule.power_betas",
        "my_curriculum.root_curriculum",
        "my_sampler.SoftmaxSampler",
        "my_backbone.ContentMF",
    ],
)
def test_check_finds_no_fault_in_them(part, folder, monkeypatch, capsys):
    ccd(monkeypatch, "check", part, "--allow-import", part.split(".")[0])
    assert "rules are kept" in capsys.readouterr().out


def test_training_can_be_driven(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CCD_CACHE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (block,) = (block for block in BLOCKS if "experiment.start" in block)
    tiny = [binding for binding in TINY if not binding.startswith("Trainer.epochs")]
    exec(block.replace('freedom.gin")', f'freedom.gin", bindings={tiny})'), {})
    *epochs, tested = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in epochs] == ["0", "1", "2"]
    assert "recall@20" in tested

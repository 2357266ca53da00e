"""A whole run from a recipe, on a small planted world."""

import importlib
import json
import re
import subprocess
import sys

import pyarrow.parquet as pq
import pytest
import torch

import ccd
from ccd import registry
from ccd.config.identity import is_how_it_runs
from ccd.errors import CcdError, ConfigError, ResourceError
from ccd.registry import find
from ccd.runs.folder import read_history

SMALL = [
    "planted_world.n_users = 200",
    "planted_world.n_items = 200",
    "planted_world.n_clusters = 10",
    "planted_world.affinity = 4.0",
    "Trainer.epochs = 3",
    "CurricularSampler.candidate_fraction = 0.5",
]
VARIANTS = ["FREEDOM", "FREEDOM+DMA", "FREEDOM+DMA+NDI", "FREEDOM+DMA+NDI+CNS"]


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CCD_CACHE", str(tmp_path / "cache"))


def run(out, *bindings, **options):
    return ccd.run("recipes/ablation_freedom.gin", bindings=[*SMALL, *bindings], out=out, **options)


def test_the_ablation_leaves_what_it_promises(tmp_path):
    done = run(tmp_path / "run", seeds=(1, 2))
    assert [(r.variant, r.seed) for r in done.results] == [(v, s) for s in (1, 2) for v in VARIANTS]
    files = {path.name for path in done.folder.iterdir()}
    assert files >= {
        "config.gin", "operative.gin", "manifest.json", "history.jsonl", "results.jsonl",
        "per_user.parquet", "model.safetensors", "table.md", "ablation.png",
    }  # fmt: skip
    lines = [json.loads(x) for x in (done.folder / "results.jsonl").read_text().splitlines()]
    assert len(lines) == 8
    for line, result in zip(lines, done.results, strict=True):
        assert line["test"] == result.test
        assert set(line["seconds"]) == {"train", "sample", "evaluate", "total"}
        assert line["peak_rss_mb"] > 50
    history = (done.folder / "history.jsonl").read_text().splitlines()
    assert len(history) == 8 * 3
    per_user = pq.read_table(done.folder / "per_user.parquet")
    first = per_user.filter(per_user["variant"].to_numpy(zero_copy_only=False) == "FREEDOM")
    seed_1 = first.filter(first["seed"].to_numpy() == 1)
    assert seed_1["recall@20"].to_numpy().mean() == pytest.approx(
        done["FREEDOM"][0].test["recall@20"], abs=1e-6
    )
    manifest = json.loads((done.folder / "manifest.json").read_text())
    assert manifest["test_openings"] == 8
    assert manifest["engine"] == "dgl"


def test_same_recipe_and_seed_same_metrics_whatever_else_runs(tmp_path):
    both = run(tmp_path / "a", only=["FREEDOM", "FREEDOM+DMA+NDI+CNS"], seeds=(5,))
    alone = run(tmp_path / "b", only=["FREEDOM+DMA+NDI+CNS"], seeds=(5,))
    assert both["FREEDOM+DMA+NDI+CNS"][0].test == alone.results[0].test
    assert both["FREEDOM"][0].test != alone.results[0].test


def test_a_finished_run_is_skipped_and_a_changed_one_refused(tmp_path):
    first = run(tmp_path / "run", only=["FREEDOM"], seeds=(1,))
    stamp = (tmp_path / "run" / "history.jsonl").read_bytes()
    again = run(tmp_path / "run", only=["FREEDOM"], seeds=(1, 2))
    assert again.results[0] == first.results[0]
    assert (tmp_path / "run" / "history.jsonl").read_bytes().startswith(stamp)
    assert len(again.results) == 2
    with pytest.raises(ConfigError, match="FREEDOM.edge_dropout was 0.*now 0.1"):
        run(tmp_path / "run", "FREEDOM.edge_dropout = 0.1", only=["FREEDOM"], seeds=(1,))


def test_an_epoch_before_the_first_evaluation_has_no_best(tmp_path):
    done = run(tmp_path / "run", "Trainer.evaluate_every = 2", only=["FREEDOM"], seeds=(1,))
    history = read_history(done.folder)
    assert [record.best_epoch for record in history] == [None, 1, history[-1].best_epoch]
    assert history[0].best is None
    assert history[1].best == history[1].valid["recall@20"]


def test_the_written_config_is_the_run(tmp_path):
    first = run(tmp_path / "a", only=["FREEDOM+DMA"], seeds=(3,))
    for name in ("config.gin", "operative.gin"):
        again = ccd.run(first.folder / name, only=["FREEDOM+DMA"], out=tmp_path / name)
        assert [r.test for r in again.results] == [r.test for r in first.results]


TOP = ("config.gin", "operative.gin", "manifest.json", "results.jsonl", "table.md")


def test_a_refused_run_changes_nothing_in_a_finished_folder(tmp_path):
    run(tmp_path / "run", only=["FREEDOM"], seeds=(1,))
    before = {name: (tmp_path / "run" / name).read_bytes() for name in TOP}
    for options in (
        {"only": ["FREEDOM+DMA"], "seeds": (2,)},  # another variant, but FREEDOM's setting changed
        {"seeds": (1, 2)},
    ):
        with pytest.raises(ConfigError, match="FREEDOM.edge_dropout was 0.*now 0.1"):
            run(tmp_path / "run", "FREEDOM.edge_dropout = 0.1", **options)
        with pytest.raises(ConfigError, match="planted_world.n_users was 200, now 210"):
            run(tmp_path / "run", "planted_world.n_users = 210", **options)
    assert {name: (tmp_path / "run" / name).read_bytes() for name in TOP} == before


def test_a_run_goes_on_with_other_threads_and_blocks(tmp_path):
    first = run(tmp_path / "run", "Experiment.threads = 1", only=["FREEDOM"], seeds=(1,))
    again = run(
        tmp_path / "run",
        "Experiment.threads = 2",
        "FullRanking.block_cells = 1000",
        "NegativeProbe.triplets = 7",
        only=["FREEDOM"],
        seeds=(1, 2),
    )
    assert again.results[0] == first.results[0]
    about = [json.loads((tmp_path / "run" / f"FREEDOM-{s}/run.json").read_text()) for s in (1, 2)]
    assert about[0]["config_hash"] == about[1]["config_hash"]
    assert [one["how_it_ran"]["Experiment.threads"] for one in about] == ["1", "2"]
    with pytest.raises(ConfigError, match="Trainer.batch_size was"):
        run(tmp_path / "run", "Trainer.batch_size = 64", only=["FREEDOM"], seeds=(1,))


def test_a_narrower_run_keeps_the_files_on_top_whole_and_in_the_recipes_order(tmp_path):
    first = run(tmp_path / "run", only=["FREEDOM+DMA"], seeds=(1, 2))
    config = (first.folder / "config.gin").read_bytes()
    narrow = run(tmp_path / "run", only=["FREEDOM"], seeds=(2,))
    assert (first.folder / "config.gin").read_bytes() == config
    for name in ("config.gin", "operative.gin"):
        written = ccd.load_recipe(first.folder / name)
        assert (written.variants, written.seeds) == (tuple(VARIANTS), (1, 2))
        assert written.baseline == "FREEDOM"
    table = (first.folder / "table.md").read_text()
    assert 0 < table.index("| FREEDOM |") < table.index("| FREEDOM+DMA |")
    assert [(r.variant, r.seed) for r in narrow.results] == [("FREEDOM", 2)]
    with pytest.raises(KeyError, match="no result of 'FREEDON'; did you mean FREEDOM"):
        narrow["FREEDON"]


ALLOCATOR = (
    "[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory: 9 bytes"
)


@pytest.mark.parametrize(
    ("where", "doing"),
    [
        ("ccd.experiment.Experiment.start", "training 'FREEDOM', seed 1"),
        ("ccd.experiment.Experiment.assemble", "building 'FREEDOM'"),
        ("ccd.datasets.planted._assemble", "loading the data of 'FREEDOM'"),
    ],
)
@pytest.mark.parametrize(
    "error",
    [MemoryError(), torch.cuda.OutOfMemoryError("CUDA out of memory"), RuntimeError(ALLOCATOR)],
    ids=lambda error: type(error).__name__,
)
def test_too_little_memory_is_one_refusal(tmp_path, monkeypatch, where, doing, error):
    def fail(*args, **keywords):
        raise error

    monkeypatch.setattr(where, fail)
    with pytest.raises(ResourceError) as caught:
        run(tmp_path / "run", only=["FREEDOM"], seeds=(1,))
    assert f"not enough memory while {doing}" in str(caught.value)
    lowered, same, changed = caught.value.hint.partition("go on in the same run folder")
    assert [named(part) for part in (lowered, changed)] == [
        {"UNetEstimator.kept_rows": True, "Experiment.device": True},
        {"Experiment.dim": False, "Trainer.batch_size": False},
    ]
    assert same
    assert changed.endswith("with a new --out")
    assert set(caught.value.keys) == {*named(lowered), *named(changed)}


def named(text):
    """The settings that a text names, and whether a run may go on with others."""
    return {
        f"{name}.{setting}": is_how_it_runs(find(name).settings[setting].annotation)
        for name, setting in re.findall(r"([A-Z]\w+)\.(\w+)", text)
    }


def test_other_errors_of_torch_stay_what_they_are(tmp_path, monkeypatch):
    def fail(*args, **keywords):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr("ccd.experiment.Experiment.start", fail)
    with pytest.raises(RuntimeError, match="mat1"):
        run(tmp_path / "run", only=["FREEDOM"], seeds=(1,))


def test_refusals_of_components_name_the_line(tmp_path):
    for key, value in [
        ("DiffusionPools.fractions", "(0.25, 0.5)"),
        ("FullRanking.select", "'recall@7'"),
    ]:
        with pytest.raises(ConfigError, match=rf"\n  --set    {key} = "):
            run(tmp_path / "run", f"{key} = {value}")


def test_a_table_that_fails_does_not_hide_what_stopped_the_run(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError("no table")

    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("ccd.recipe_run.write_reports", fail)
    monkeypatch.setattr("ccd.experiment.Experiment.start", stop)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "run", only=["FREEDOM"], seeds=(1,))
    assert json.loads((tmp_path / "run/manifest.json").read_text())["status"] == "stopped"


def test_no_hint_for_a_swapped_out_backbone(tmp_path):
    with pytest.raises(ConfigError) as caught:
        run(tmp_path / "run", "Experiment.backbone = @LightGCN", "FREEDOM.n_layers = 3")
    assert "mean FREEDOM" not in str(caught.value)
    assert "did you mean LightGCN.n_layers?" in str(caught.value)


def test_nothing_is_written_when_the_recipe_is_wrong(tmp_path):
    with pytest.raises(ConfigError, match="fusion_wait"):
        run(tmp_path / "run", "DiffusionAligner.fusion_wait = 0.5")
    with pytest.raises(ConfigError, match=r"DiffusionPools.fractions.*raise steps"):
        run(tmp_path / "run", "GaussianDiffusion.steps = 2")
    assert not (tmp_path / "run").exists()


def test_nothing_global_is_left_behind(tmp_path):
    import gin

    run(tmp_path / "run", only=["FREEDOM"], seeds=(1,))
    assert gin.config_str() == ""


def test_import_is_light():
    code = "import sys, ccd; sys.exit('torch' in sys.modules or 'dgl' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_variants_of_different_data_are_refused_before_one_is_trained(tmp_path):
    recipe = tmp_path / "two.gin"
    recipe.write_text(
        "include 'recipes/ablation_freedom.gin'\n"
        "Ablation.variants = {'A': [], 'B': ['planted_world.n_items = 150']}\n"
        "Ablation.baseline = 'A'\n"
    )
    small = [text for text in SMALL if "Curricular" not in text and "n_items" not in text]
    with pytest.raises(ConfigError, match="variants 'A' and 'B' are of different data"):
        ccd.run(recipe, bindings=small, seeds=(1,), out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_an_error_in_a_part_of_ones_own_names_its_line(tmp_path, monkeypatch):
    (tmp_path / "broken_part.py").write_text(
        "from ccd.registry import component\n\n\n"
        "@component('curriculum')\n"
        "def broken_curriculum(epoch: int, n_pools: int) -> int:\n"
        '    """Divide by nothing."""\n'
        "    return 1 // (epoch - epoch)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module("broken_part")
    try:
        with pytest.raises(ConfigError, match="'FREEDOM.*': a part of your own failed") as caught:
            run(
                tmp_path / "run", "CurricularSampler.curriculum = @broken_curriculum",
                seeds=(1,), only=["FREEDOM+DMA+NDI+CNS"],
            )  # fmt: skip
    finally:
        registry._COMPONENTS.pop("broken_curriculum", None)
    assert (caught.value.where[0].file, caught.value.where[0].line) == (
        str(tmp_path / "broken_part.py"),
        7,
    )
    assert "ZeroDivisionError" in caught.value.found


@pytest.mark.parametrize(
    ("method", "within"),
    [
        ("__init__", ""),
        ("assemble", "variant 'FREEDOM': "),
        ("start", "variant 'FREEDOM', seed 1: "),
        ("test", "variant 'FREEDOM', seed 1: "),
    ],
)
@pytest.mark.parametrize("code", [0, None, "bye"])
def test_a_part_that_ends_the_program_is_refused(tmp_path, monkeypatch, method, within, code):
    """It would leave a script or a notebook without a word."""

    def leave(*_, **__):
        raise SystemExit(code)

    monkeypatch.setattr(f"ccd.experiment.Experiment.{method}", leave)
    text = f"{within}a part of your own ended the program, got SystemExit({code!r})"
    with pytest.raises(CcdError, match=f"^{re.escape(text)}"):
        run(tmp_path / "run", seeds=(1,), only=["FREEDOM"])

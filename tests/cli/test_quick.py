"""What is wrong on the command line is answered before anything that takes long is imported."""

import os
import subprocess
import sys

import pytest

from ccd import catalogue
from ccd.cli.declared import declared
from ccd.cli.recipe_command import set_hint
from ccd.config.files import ccd_root
from ccd.registry import components
from ccd.runs.writing import RunFolder
from tests.runs.samples import finish, make_plan, make_result

HEAVY = {"torch", "dgl", "optuna", "matplotlib", "pandas", "sklearn", "scipy", "pyarrow"}
PROBE = """
import sys
from ccd.cli import main
try:
    main()
finally:
    print(*sorted(set({heavy}) & set(sys.modules)), file=open({path!r}, "w"))
"""
RECIPE = "recipes/ablation_freedom.gin"


def ccd(folder, *words):
    """Run the command line in a process of its own: exit code, stderr, heavy modules imported."""
    told = folder / "imported"
    done = subprocess.run(
        [sys.executable, "-c", PROBE.format(heavy=sorted(HEAVY), path=str(told)), *words],
        cwd=folder, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(ccd_root())},
    )  # fmt: skip
    return done.returncode, done.stderr, set(told.read_text().split())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("run nosuch.gin", "no file 'nosuch.gin'"),
        (f"run {RECIPE} --dataset bayb", "did you mean baby?"),
        (f"run {RECIPE} --with nosuch.gin", "no file 'nosuch.gin'"),
        (f"run {RECIPE} --only FREEDM", "did you mean FREEDOM?"),
        (f"run {RECIPE} --epochs 5", 'did you mean --set "Trainer.epochs = 5"?'),
        ("run recipes/mcdrec.gin --only nosuch", "variants: "),
        ("show nosuch.gin", "no file 'nosuch.gin'"),
        (f"show {RECIPE} --variant nosuch", "no variant 'nosuch'"),
        ("search nosuch.gin", "no file 'nosuch.gin'"),
        (f"search {RECIPE} --timeout soon", "--timeout"),
        ("search status nosuch", "no study 'nosuch' in runs/search"),
        ("search best nosuch", "no study 'nosuch' in runs/search"),
        ("search resume nosuch", "no study 'nosuch' in runs/search"),
        ("data describe bayb", "did you mean baby?"),
        ("data import nosuch.csv --out shop", "there is no such file or folder"),
        ("data import nosuch.csv --out shop --where type=", "--where: expected a text in quotes"),
        ("data split nosuch --out shop", "this folder holds no import"),
        ("data get ml-1mm", "did you mean ml-1m?"),
        ("list curriculm", "did you mean curriculum?"),
        ("compare nodir", "this is no folder\n  nodir"),
        ("diff nodir nodir", "this is no folder"),
        ("plot curves nodir", "this is no folder"),
        ("plot nosuchkind nodir", "nosuchkind"),
        ("report nodir", "this is no folder"),
        ("negatives nodir", "this is no folder"),
        ("recommend nodir", "this is no folder"),
        ("verify nodir", "this is no folder"),
        ("report nosuch", "this is no folder"),
        ("plot sensitivity nosuch", "this is no folder"),
        ("list --allow-import nope", "importing 'nope' failed: ModuleNotFoundError"),
    ],
)
def test_a_wrong_word_is_refused_without_heavy_imports(tmp_path, words, said):
    code, error, imported = ccd(tmp_path, *words.split())
    assert code == 2
    assert said in error
    assert imported == set()


@pytest.mark.parametrize("command", ["run", "show", "search"])
@pytest.mark.parametrize(
    ("binding", "said"),
    [
        ("Trainer.epoch = 5", "no parameter 'epoch' in Trainer\n  --set    Trainer.epoch = 5\n"
                              "  did you mean epochs?"),
        ("Trianer.epochs = 5", "no component 'Trianer'\n  --set    Trianer.epochs = 5\n"
                               "  did you mean Trainer?"),
        ("own/adam.lerning = 5", "no parameter 'lerning' in adam"),
        ("Trainer.epochs = (5", "cannot read this"),
    ],
)  # fmt: skip
def test_a_wrong_key_of_set_is_refused_without_heavy_imports(tmp_path, command, binding, said):
    code, error, imported = ccd(tmp_path, command, RECIPE, "--set", binding)
    assert code == 2
    assert said in error
    assert imported == set()


def test_a_key_of_a_part_of_ones_own_is_left_to_the_registry(tmp_path):
    (tmp_path / "own_parts.py").write_text("")
    words = ("--set", "Mine.x = 5", "--allow-import", "own_parts")
    code, error, imported = ccd(tmp_path, "show", RECIPE, *words)
    assert (code, "torch" in imported) == (2, True)
    assert "no component 'Mine'" in error


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder with a run folder ``done``."""
    folder = tmp_path_factory.mktemp("finished")
    plan = make_plan(folder / "done", variants=("FREEDOM", "FREEDOM+DMA"))
    with RunFolder(folder / "done", metric=plan.metric) as run:
        for variant, seed in plan.runs:
            finish(run, make_result(variant, seed))
    return folder


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("compare done --baseline FREEDM", "no finished run of --baseline 'FREEDM'; did you mean"),
        ("compare done --metric recal@20", "no metric 'recal@20'; did you mean recall@20?"),
        ("compare done --set Comparison.tset=@t_test", "did you mean test?"),
        ("report done --baseline FREEDM", "no finished run of --baseline 'FREEDM'; did you mean"),
        ("report done --set Comparson.test=@t_test", "did you mean Comparison?"),
        ("diff done done --variant FREEDM", "no finished run of 'FREEDM'"),
        ("diff done done --variant FREEDOM --metric recal@20", "no metric 'recal@20'"),
        ("plot curves done --variant FREEDM", "no finished run of 'FREEDM'"),
        ("plot curves done --metric recal@20", "no metric 'recal@20'"),
        ("plot pools done --variant FREEDM", "no finished run of 'FREEDM'"),
        ("recommend done --variant FREEDM --user 1", "no finished run of 'FREEDM'"),
        ("negatives done --variant FREEDM", "no finished run of 'FREEDM'"),
        ("negatives done --seed 12345", "with seed 12345"),
    ],
)
def test_a_name_that_no_run_has_is_refused_without_heavy_imports(finished, words, said):
    code, error, imported = ccd(finished, *words.split())
    assert code == 2
    assert said in error
    assert imported == set()


def test_the_folder_beside_a_misspelt_one_is_named(tmp_path):
    (tmp_path / "freedom").mkdir()
    assert "did you mean fredom" not in ccd(tmp_path, "compare", "fredom")[1]
    assert "did you mean freedom?" in ccd(tmp_path, "compare", "fredom")[1]


@pytest.mark.parametrize(
    ("words", "needed"),
    [
        ("--help", set()),
        ("list", {"torch"}),
        ("search status", set()),
        (f"show {RECIPE}", {"torch"}),
    ],
)
def test_what_looks_only_imports_torch_at_most(tmp_path, words, needed):
    code, _, imported = ccd(tmp_path, *words.split())
    assert (code, imported) == (0, needed)


def test_the_sources_declare_what_the_registry_knows():
    catalogue.load()
    own = [c for c in components() if c.target.__module__.startswith("ccd.")]
    assert [(d.family, d.name, set(d.settings)) for d in declared()] == [
        (c.family, c.name, set(c.settings)) for c in sorted(own, key=lambda c: c.name)
    ]


@pytest.mark.parametrize(
    ("option", "words", "said"),
    [
        ("--epochs", ["--epochs", "5"], '--set "Trainer.epochs = 5"'),
        ("--batch-size", ["--batch-size=64"], '--set "Trainer.batch_size = 64"'),
        ("--learning_rate", ["--learning_rate", "1e-3"], '"Trainer.learning_rate = 1e-3"'),
        ("--device", ["--device", "cuda"], "\"Experiment.device = 'cuda'\""),
        ("--optimizer", ["--optimizer", "adamw"], '"Trainer.optimizer = @adamw"'),
        ("--current-first", ["--current-first", "false"], '"Search.current_first = False"'),
        ("--fusion-weight", ["--fusion-weight"], '"DiffusionAligner.fusion_weight = VALUE"'),
        ("--fusion-weight", ["--fusion-weight", "--json"], "fusion_weight = VALUE"),
    ],
)
def test_an_option_that_is_a_setting_is_answered_with_set(option, words, said):
    assert said in set_hint(option, words)


def test_of_many_components_three_are_named_those_of_the_command_line_first():
    hint = set_hint("--n-layers", ["recipes/ablation_lattice.gin", "--n-layers", "2"])
    assert hint.startswith('did you mean --set "LATTICE.n_layers = 2" or ')
    assert hint.count("n_layers") == 3
    assert "other components have it too" in hint


def test_an_option_that_is_no_setting_is_left_to_the_parser(tmp_path):
    assert set_hint("--nosuch", ["--nosuch", "5"]) is None
    code, error, _ = ccd(tmp_path, "run", RECIPE, "--nosuch", "5")
    assert code == 2
    assert "No such option: --nosuch" in error

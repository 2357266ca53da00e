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
    ],
)
def test_a_wrong_word_is_refused_without_heavy_imports(tmp_path, words, said):
    code, error, imported = ccd(tmp_path, *words.split())
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

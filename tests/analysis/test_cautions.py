from dataclasses import replace

from ccd.analysis.cautions import cautions
from ccd.analysis.tables import build_table
from ccd.runs.records import RunResult


def run(variant, seed=1, best=3, epochs=10, limit=100):
    return RunResult(variant, seed, "baby", best, epochs, {}, {"recall@20": 0.1}, max_epochs=limit)


def of(*runs, seeds=(1,)):
    by_variant = {}
    for one in runs:
        by_variant.setdefault(one.variant, []).append(one)
    return cautions(by_variant, seeds)


def test_nothing_to_say_of_runs_that_ended_by_themselves():
    assert of(run("A"), run("B", epochs=29, best=8)) == []


def test_a_best_epoch_that_is_the_last_possible_one_is_told():
    (text,) = of(
        run("A", 1, best=9, limit=10), run("A", 2, best=9, limit=10), run("B", 1), run("B", 2),
        seeds=(1, 2),
    )  # fmt: skip
    assert "Trainer.epochs allows" in text
    assert text.endswith("A (seed 1, 2, epoch 10)")
    assert of(run("A", best=9, epochs=10, limit=11)) == []  # stopped by patience 0
    assert of(run("A", best=0, epochs=1, limit=0)) == []  # nothing to train


def test_very_different_numbers_of_epochs_are_told_but_not_of_what_learns_nothing():
    floor = run("Popularity", best=0, epochs=1, limit=0)
    assert of(floor, run("A", epochs=10), run("B", epochs=29)) == []
    (text,) = of(floor, run("A", epochs=10), run("B", epochs=30))
    assert text == "very different numbers of epochs: A 10, B 30"


def test_missing_seeds_are_told_with_the_variants_that_lack_them():
    (text,) = of(run("A", 1), run("A", 2), run("B", 1), run("C", 1), seeds=(1, 2))
    assert text == "no finished run with seed 2: B, C"
    (text,) = of(run("A", 1), run("B", 1), seeds=(1, 2, 3))
    assert text == "no finished run with seed 2, 3: A, B"


def test_the_table_has_them():
    runs = [run("A", 1, best=9, limit=10), run("B", 2, best=9, limit=10)]
    table = build_table(runs, {}, seeds=(3,))
    assert len(table.cautions) == 2
    assert table.cautions[1] == (
        "no finished run with seed 2, 3: A; no finished run with seed 1, 3: B"
    )
    assert build_table([replace(runs[0], max_epochs=0)], {}).cautions == ()

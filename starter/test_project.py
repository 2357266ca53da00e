"""What this project relies on. Run it with pytest."""

from pathlib import Path

import ccd
from my_curriculum import eager_curriculum

HERE = Path(__file__).parent
QUICK = ["Trainer.epochs = 3", "step_curriculum.end_epoch = 2", "eager_curriculum.end_epoch = 2"]


def test_the_curriculum_goes_from_easy_to_final_and_never_back():
    pools = [eager_curriculum(epoch, 4) for epoch in range(25)]
    assert pools[0] == 0
    assert pools[20:] == [4] * 5
    assert pools == sorted(pools)
    assert pools.index(1) < 5  # of 20 epochs, an even pace spends five on each pool


def test_the_recipe_loads_with_both_variants():
    recipe = ccd.load_recipe(HERE / "recipe.gin")
    assert list(recipe.graphs) == ["FREEDOM", "CCDRec"]


def test_the_own_part_trains(tmp_path):
    runs = ccd.run(
        HERE / "own_part.gin",
        bindings=QUICK,
        only=["eager"],
        seeds=[1],
        out=tmp_path / "run",
        allow_imports=["my_curriculum"],
    )
    (result,) = runs.results
    assert 0 < result.test["recall@20"] <= 1

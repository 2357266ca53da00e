"""ccd's own search recipes: they check, start at the current setting, and cover every backbone."""

import pytest

from ccd.config.files import ccd_root
from ccd.registry import components
from ccd.search.presets import Presets
from ccd.search.space import Space
from ccd.search.target import Source, Target

RECIPES = sorted(
    path
    for path in (ccd_root() / "recipes").rglob("*.gin")
    if "Search:" in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
@pytest.mark.parametrize("dataset", [None, "baby"])
def test_the_space_fits_the_recipe(path, dataset):
    name = path.relative_to(ccd_root()).as_posix()
    assert f"ccd search {name}" in path.read_text()
    target = Target(Source(name, dataset=dataset))
    presets = Presets(Space(target))
    assert 3 <= presets.budget(None) <= 3601


def test_every_system_has_a_recipe():
    searched = {path.stem for path in (ccd_root() / "recipes" / "systems").glob("*.gin")}
    files = {path.stem for path in (ccd_root() / "gin" / "backbones").glob("*.gin")}
    assert searched == files - {"popularity"} | {"mg"}  # Popularity has nothing to tune
    held = {
        Target(Source(path.as_posix())).base.root["backbone"].value.component.name
        for path in RECIPES
    }
    assert held == {
        part.name
        for part in components("backbone")
        if part.target.__module__.startswith("ccd.")
        and part.name not in {"Popularity", "ScoreFile"}
    }


def test_the_papers_grid_is_whole():
    presets = Presets(Space(Target(Source("recipes/grid_ccdrec_freedom.gin", dataset="baby"))))
    assert presets.budget(None) - 1 == 3 * 4 * 5 * 3 * 5 * 4 == 3600
    assert presets.budget(100) == 100
    points = [tuple(sorted(point.items())) for point in presets.points]
    assert len(set(points)) == 3601


def test_trial_0_of_the_main_search_is_the_recipe_as_it_stands():
    target = Target(Source("recipes/search_ccdrec_freedom.gin", dataset="baby"))
    presets = Presets(Space(target))
    assert presets.budget(None) == 60
    texts = {k: presets.space.domains[k].text(v) for k, v in presets.current.items()}
    assert set(texts) == set(presets.space.domains)
    assert target.graph(texts) == target.base


def test_curricula_have_their_settings_where_they_are_chosen():
    space = Space(Target(Source("recipes/search_curricula.gin")))

    def choose(curriculum):
        return space.assign(
            lambda key, domain: (
                curriculum
                if key == "CurricularSampler.curriculum"
                else domain.points[0]
                if domain.chooses_components
                else domain.low
            )
        )

    assert "step_curriculum.interval" in choose("@step_curriculum")
    chosen = choose("@linear_curriculum")
    assert "linear_curriculum.end_epoch" in chosen
    assert not any(key.startswith(("step_", "boundary_", "cosine_")) for key in chosen)

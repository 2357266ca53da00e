from __future__ import annotations

import sys

import pytest

from ccd.config import load_recipe, to_gin
from ccd.config.imports import import_module
from ccd.config.language import Layer, read_file
from ccd.errors import ConfigError


@pytest.fixture
def module(project):
    (project / "demo_user_parts.py").write_text("LOADED = True\n")
    yield "demo_user_parts"
    sys.modules.pop("demo_user_parts", None)


def read(folder, text: str, *allowed: str) -> Layer:
    (folder / "own.gin").write_text(text)
    return read_file(folder / "own.gin", allow_imports=allowed)


def test_refused_unless_allowed(project, module):
    with pytest.raises(ConfigError, match=rf"own\.gin:1(.|\n)*--allow-import {module}"):
        read(project, f"import {module}\n")
    assert module not in sys.modules


def test_imported_from_the_recipes_folder(project, module, monkeypatch):
    (project / "elsewhere").mkdir()
    monkeypatch.chdir(project / "elsewhere")
    path = list(sys.path)
    layer = read(project, f"import {module}\n", module)
    assert sys.modules[module].LOADED
    assert layer.imports == (module,)
    assert sys.path == path


def test_failing_module_is_one_message(project, module):
    (project / "demo_user_parts.py").write_text("1 / 0\n")
    with pytest.raises(ConfigError, match=r"failed: ZeroDivisionError(.|\n)*own\.gin:1"):
        read(project, f"import {module}\n", module)


def test_missing_module(project):
    with pytest.raises(ConfigError, match=r"ModuleNotFoundError(.|\n)*own\.gin:1"):
        read(project, "import demo_not_there\n", "demo_not_there")


@pytest.mark.parametrize(
    ("name", "way_out"),
    [
        ("demo_not_there", "start ccd in the folder of demo_not_there.py, or set PYTHONPATH"),
        ("demo_not.there", "start ccd in the folder of demo_not, or set PYTHONPATH"),
        ("demo_user_parts.py", "name the module, not its file: demo_user_parts"),
    ],
)
def test_missing_module_says_where_it_was_looked_for(project, module, name, way_out):
    with pytest.raises(ConfigError) as caught:
        import_module(name, [project / "a", project])
    assert str(caught.value).endswith(way_out)
    assert f"looked in {project / 'a'}, {project} and" in str(caught.value) or name[-3:] == ".py"


def test_a_module_that_misses_another_is_not_looked_for(project, module):
    (project / "demo_user_parts.py").write_text("import demo_not_there\n")
    with pytest.raises(ConfigError, match="No module named 'demo_not_there'$"):
        import_module(module, [project])


@pytest.mark.parametrize("line", ["from demo_user_parts import x", "import math as m"])
def test_other_forms_are_refused(project, module, line):
    with pytest.raises(ConfigError, match="write import NAME"):
        read(project, f"{line}\n", "math", module)


def test_config_of_a_run_is_loaded_from_where_its_recipe_was(project, module, monkeypatch):
    (project / "runs").mkdir()
    (project / "own.gin").write_text(f"import {module}\ninclude 'gin/datasets/small.gin'\n")
    recipe = load_recipe("own.gin", root="DemoExperiment", allow_imports=[module])
    text = to_gin(recipe, defaults=False)
    (project / "runs/config.gin").write_text(text)
    sys.modules.pop(module)
    path = list(sys.path)
    again = load_recipe("runs/config.gin", root="DemoExperiment", allow_imports=[module])
    assert again.graphs.keys() == recipe.graphs.keys()
    assert again.imports == (module,)
    assert sys.path == path
    assert "without any other file" not in text
    assert f"#   --allow-import {module}    {project / module}.py" in text

"""What is written twice, and what would grow without end, is refused where it stands."""

import time

import pytest

from ccd.config.language import read_bindings, read_file
from ccd.config.origin import Origin
from ccd.errors import ConfigError

HEAD = "include 'gin/base.gin'\ninclude 'gin/datasets/small.gin'\n"


def refusal(load, text):
    began = time.perf_counter()
    with pytest.raises(ConfigError) as caught:
        load(HEAD + text + "\n")
    assert time.perf_counter() - began < 5
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "lines", "key"),
    [
        ("A.x = {\n  'a': 1,\n  'b': 2,\n  'a': 3}\n", (2, 4), "'a'"),
        ("A.x = {'a': 1, \"a\": 2}\n", (1,), "'a'"),
        ("A.x = {1: 0, 1.0: 0}\n", (1,), "1.0"),
        ("A:\n  x = [({'k': {'a': 1,\n 'a': 1}},)]\n", (2, 3), "'a'"),
        ("M = {\n'a': 1,\n'a': 1}\n", (2, 3), "'a'"),
    ],
)
def test_a_key_that_stands_twice_in_a_dict_is_refused_with_both_lines(project, text, lines, key):
    (project / "own.gin").write_text(text)
    with pytest.raises(ConfigError, match=f"{key} stands twice in one dict") as caught:
        read_file(project / "own.gin")
    assert [place.line for place in caught.value.where] == list(lines)
    assert all(place.file == "own.gin" for place in caught.value.where)


def test_a_key_that_stands_twice_on_the_command_line_is_refused():
    with pytest.raises(ConfigError, match="twice in one dict"):
        read_bindings([("A.x = {'a': 1, 'a': 2}", Origin("--set"))])


def test_a_key_may_stand_in_several_dicts(project):
    (project / "own.gin").write_text("A.x = [{'a': 1}, {'a': {'a': 1, 'b': [{}]}}]\n")
    (binding,) = read_file(project / "own.gin").bindings
    assert binding.value == [{"a": 1}, {"a": {"a": 1, "b": [{}]}}]


@pytest.mark.parametrize("value", ["(5", "5)", "[1, 2", "{'a': 1", "x]"])
def test_a_bracket_too_many_is_no_text_without_its_quotes(value):
    with pytest.raises(ConfigError) as caught:
        read_bindings([(f"A.x = {value}", Origin("--set", text=f"A.x = {value}"))])
    assert "'(5'" not in caught.value.hint
    assert caught.value.hint.startswith("gin takes ")


def test_a_chain_of_thousands_of_macros_is_refused(load):
    chain = "\n".join(f"M{i} = %M{i + 1}" for i in range(3000))
    said = refusal(load, f"{chain}\nM3000 = 1\nDemoExperiment.seed = %M0")
    assert "leads through more than 20 macros" in said
    assert "recipes/own.gin:" in said


def test_a_cycle_of_thousands_of_macros_is_refused(load):
    chain = "\n".join(f"M{i} = %M{(i + 1) % 3000}" for i in range(3000))
    assert "contains itself" in refusal(load, f"{chain}\nDemoExperiment.seed = %M0")


@pytest.mark.parametrize("form", ["[{0}, {0}]", "{{'a': {0}, 'b': {0}}}"])
def test_macros_that_double_are_refused_before_they_fill_the_memory(load, form):
    lines = [f"M{i} = {form.format(f'%M{i + 1}')}" for i in range(9)]
    wide = f"M9 = [{', '.join(['%M10'] * 1000)}]\nM10 = 1"
    said = refusal(load, "\n".join([*lines, wide, "DemoExperiment.title = %M0"]))
    assert "more than 100000 values" in said


def test_many_small_uses_of_a_large_macro_are_refused(load):
    wide = f"W = [{', '.join(['1'] * 2000)}]"
    uses = "\n".join(f"U{i} = [%W, %W]" for i in range(40))
    assert "more than 100000 values" in refusal(load, f"{wide}\n{uses}")


def test_macros_in_reasonable_number_are_replaced(load):
    chain = "\n".join(f"M{i} = %M{i + 1}" for i in range(10))
    recipe = load(f"{HEAD}{chain}\nM10 = 7\nDemoExperiment.seed = %M0\n")
    assert next(iter(recipe.graphs.values())).root["seed"].value == 7


def test_a_chain_of_includes_is_refused_where_it_gets_too_long(project):
    for number in range(2000):
        (project / f"f{number}.gin").write_text(f"include 'f{number + 1}.gin'\n")
    (project / "f2000.gin").write_text("")
    with pytest.raises(ConfigError, match="more than 20 files that include one another") as caught:
        read_file(project / "f0.gin")
    assert caught.value.where[0].file == "f20.gin"


def test_components_in_each_other_without_end_are_refused(load):
    chain = "\n".join(f"s{i}/demo_nested.inner = @s{i + 1}/demo_nested" for i in range(2000))
    said = refusal(load, f"DemoExperiment.losses = [@s0/demo_nested]\n{chain}")
    assert "one component too many" in said

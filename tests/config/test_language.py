from __future__ import annotations

from pathlib import Path

import pytest

from ccd.config.language import Layer, read_bindings, read_file
from ccd.config.origin import Origin
from ccd.config.values import Macro, Reference
from ccd.errors import ConfigError


def read(folder: Path, text: str, **options) -> Layer:
    path = folder / "own.gin"
    path.write_text(text)
    return read_file(path, **options)


def values(layer: Layer) -> dict:
    return {b.key: b.value for b in layer.bindings + layer.macros}


def test_statements_keep_their_place(project):
    layer = read(project, "# note\nA.x = 1\nB:\n  y = 'two'  # why\n  z = [\n    3]\n\nM = 4\n")
    places = {b.key: str(b.origin) for b in layer.bindings + layer.macros}
    assert places == {
        "A.x": "own.gin:2",
        "B.y": "own.gin:4",
        "B.z": "own.gin:5",
        "M": "own.gin:8",
    }
    assert layer.bindings[1].origin.text == "y = 'two'  # why"


def test_references_and_macros_are_data(project):
    layer = read(project, "A.x = (@B, {'k': [@own/C, %M]})\nown/A.y = None\nM = -1.5\n")
    assert values(layer) == {
        "A.x": (Reference("B"), {"k": [Reference("C", "own"), Macro("M")]}),
        "own/A.y": None,
        "M": -1.5,
    }


def test_evaluated_reference_is_refused(project):
    with pytest.raises(ConfigError, match=r"own\.gin:2 .*\n  write @own/B: ccd builds"):
        read(project, "A.x = 1\nA.y = [@own/B()]\n")


@pytest.mark.parametrize(
    ("text", "line", "fix"),
    [
        ("A.x = 1\nA.y = sports\n", 2, "write A.y = 'sports'"),
        ("A.x = true  # on\n", 1, "write A.x = True"),
        ("A.x = 20 // 4\n", 1, "write A.x = '20 // 4'"),
        ("A.x = (1,\n  2\n\n\n", 2, ""),
        ("A.x = 'open\n", 1, ""),
        ("A.x = {[1]: 2}\n", 1, "unhashable"),
        ("FREEDOM+DMA/A.x = 1\n", 1, "literal"),
    ],
)
def test_syntax_errors_name_the_line(project, text, line, fix):
    with pytest.raises(ConfigError) as caught:
        read(project, text)
    assert "cannot read this" in str(caught.value)
    assert f"own.gin:{line}" in str(caught.value)
    assert fix in str(caught.value)


@pytest.mark.parametrize("data", [b"A.x = '\xff'\n", b"\x00\x01"])
def test_binary_files_are_refused(project, data):
    (project / "own.gin").write_bytes(data)
    with pytest.raises(ConfigError, match=r"own\.gin"):
        read_file(project / "own.gin")


def test_byte_order_mark_and_crlf_are_read(project):
    (project / "own.gin").write_bytes(b"\xef\xbb\xbfA.x = 1\r\nA:\r\n  y = 2\r\n")
    assert values(read_file(project / "own.gin")) == {"A.x": 1, "A.y": 2}


def test_bound_twice_in_one_file_names_both_lines(project):
    with pytest.raises(ConfigError) as caught:
        read(project, "A:\n  x = 1\nM = 1\nA.x = 2\nM = 2\n")
    message = str(caught.value)
    assert "A.x is bound twice" in message
    assert "M is bound twice" in message
    assert all(f"own.gin:{line}" in message for line in (2, 3, 4, 5))


def test_includes_stand_in_place_and_may_be_overridden(project):
    (project / "sub").mkdir()
    (project / "sub/near.gin").write_text("A.x = 1\nA.y = 1\n")
    layer = read(project, "A.y = 0\ninclude 'sub/near.gin'\nA.x = 2\ninclude 'gin/base.gin'\n")
    assert values(layer)["A.x"] == 2
    assert values(layer)["A.y"] == 1
    assert str(layer.macros[0].origin) == "gin/base.gin:1"
    assert layer.macros[0].is_wiring
    assert not layer.bindings[0].is_wiring


def test_an_included_file_includes_from_its_own_folder(project):
    (project / "sub").mkdir()
    (project / "sub/a.gin").write_text("include 'b.gin'\n")
    (project / "sub/b.gin").write_text("A.x = 1\n")
    assert values(read(project, "include 'sub/a.gin'\n")) == {"A.x": 1}


def test_missing_include_suggests_the_nearest(project):
    with pytest.raises(ConfigError, match=r"own\.gin:1(.|\n)*did you mean 'gin/base\.gin'"):
        read(project, "include 'gin/bas.gin'\n")


def test_include_cycle_shows_the_chain(project):
    (project / "a.gin").write_text("include 'b.gin'\n")
    (project / "b.gin").write_text("include 'a.gin'\n")
    with pytest.raises(ConfigError, match=r"include cycle: a\.gin -> b\.gin -> a\.gin\n  b\.gin:1"):
        read_file(project / "a.gin")


def test_second_include_of_a_file_is_refused(project):
    (project / "a.gin").write_text("include 'gin/base.gin'\n")
    with pytest.raises(ConfigError, match=r"included twice(.|\n)*own\.gin:1(.|\n)*a\.gin:1"):
        read(project, "include 'gin/base.gin'\ninclude 'a.gin'\n")


class TestBindingTexts:
    def test_many_keep_their_own_origin(self, project):
        layer = read_bindings([("A.x = 1", Origin("--set", text="A.x = 1")), ("M=2", Origin("v"))])
        assert values(layer) == {"A.x": 1, "M": 2}
        assert str(layer.bindings[0].origin) == "--set"

    def test_missing_inner_quotes_give_the_quoted_form(self, project):
        origin = Origin("--set", text="demo_files.name = sports")
        with pytest.raises(ConfigError, match=r'write --set "demo_files\.name = \'sports\'"'):
            read_bindings([(origin.text, origin)])

    @pytest.mark.parametrize("text", ["include 'gin/base.gin'", "import os"])
    def test_only_bindings(self, project, text):
        with pytest.raises(ConfigError, match="not a binding"):
            read_bindings([(text, Origin("--set", text=text))])


def test_an_open_bracket_is_not_taken_for_a_text(tmp_path):
    path = tmp_path / "own.gin"
    path.write_text("Trainer.epochs = (5\n")
    with pytest.raises(ConfigError) as refused:
        read_file(path)
    assert refused.value.hint.startswith("gin takes 'Component.parameter = literal'")

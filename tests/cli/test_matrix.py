import json
import sys
from io import StringIO

import pytest
from rich.console import Console

from ccd import catalogue
from ccd.cli import main
from ccd.cli.matrix import MatrixView, Pair
from ccd.registry import components

catalogue.load()

PAIRS = [
    Pair("Free", "MixGCFSampler", None),
    Pair("Free", "CurricularSampler", "Free is too free"),
    Pair("Blind", "MixGCFSampler", "Blind is blind"),
    Pair("Blind", "CurricularSampler", "Blind is blind"),
]


@pytest.fixture
def ccd(monkeypatch, capsys):
    """Run the command line with ccd's own components: exit code, stdout, stderr."""

    def command(*arguments, columns=80):
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setattr(sys, "argv", ["ccd", *arguments])
        with pytest.raises(SystemExit) as caught:
            main()
        out, err = capsys.readouterr()
        return caught.value.code or 0, out, err

    return command


def test_is_the_rule_that_refuses(ccd):
    code, out, err = ccd("list", "--matrix", "--json")
    assert (code, err) == (0, "")
    found = {(p["backbone"], p["sampler"]): p["reason"] for p in json.loads(out)["matrix"]}
    assert found == {
        (b.name, s.name): s.target.misfit(b.target)
        for b in components("backbone")
        for s in components("sampler")
    }
    assert found["FREEDOM", "CurricularSampler"] is None
    assert "no higher-order item representation" in found["BPRMF", "CurricularSampler"]


def test_takes_no_family(ccd):
    code, out, err = ccd("list", "sampler", "--matrix")
    assert (code, out) == (2, "")
    assert "drop the family or the option" in err


@pytest.mark.parametrize("columns", [80, 120])
def test_all_pairs_as_a_table(ccd, columns):
    code, out, err = ccd("list", "--matrix", columns=columns)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert all(len(line) <= columns for line in lines)
    rows = {words[0]: words[1:] for words in map(str.split, lines) if words}
    for backbone in components("backbone"):
        assert len(rows[backbone.name]) == len(components("sampler"))
    assert set(rows["FREEDOM"]) == {"✓"}
    # Each reason stands below, under the number that its cells show.
    number = next(cell for cell in rows["BPRMF"] if cell != "✓")
    (reason,) = (line for line in lines if line.startswith(f"{number} "))
    assert reason.startswith(f"{number} BPRMF offers no higher-order item representation")


def test_marks_and_reasons_in_ascii():
    class Ascii(StringIO):
        encoding = "ascii"

    text = Ascii()
    Console(file=text, width=60).print(MatrixView(PAIRS))
    lines = [line.strip("| ") for line in text.getvalue().splitlines()]
    assert text.getvalue().isascii()
    assert [line.split() for line in lines if line.startswith(("Free", "Blind"))] == [
        ["Free", "|", "+", "|", "1"],
        ["Blind", "|", "2", "|", "2"],
    ]
    assert lines[-2:] == ["1 Free is too free", "2 Blind is blind"]
    assert {"Mix", "GCF"} <= {word for line in lines for word in line.split()}

import inspect
import json
import re
import sys
from functools import partial
from io import StringIO
from pathlib import Path
from string import ascii_letters

import pytest
from rich.console import Console

from ccd import catalogue, registry
from ccd.cli import main
from ccd.cli.matrix import MatrixView, Pair, all_pairs
from ccd.errors import ConfigError
from ccd.graphs.pruning import degree_pruning
from ccd.negatives.pools import DiffusionPools
from ccd.negatives.realhns import RealHNSSingleDomainSampler
from ccd.negatives.shared import SharedCurricularSampler
from ccd.registry import components, find
from tests.backbones.worlds import dataset, small_knn
from tests.training.parts import CNS, DMA, experiment

catalogue.load()

LISTS = Path(__file__).parents[1] / "contracts" / "lists.tsv"
SLOTS = {"item_graph": small_knn, "pruning": degree_pruning, "file": str(LISTS)}
SAMPLERS = {
    "CurricularSampler": CNS,
    "SharedCurricularSampler": partial(
        SharedCurricularSampler, curriculum=CNS.keywords["curriculum"]
    ),
    "RealHNSSingleDomainSampler": partial(
        RealHNSSingleDomainSampler, candidate_fraction=1.0, rank_high=0.5
    ),
}


def backbone_of(name):
    target = find(name).target
    wanted = inspect.signature(target).parameters
    return partial(target, **{slot: part for slot, part in SLOTS.items() if slot in wanted})


PAIRS = [
    Pair("Free", "MixGCFSampler", None),
    Pair("Free", "CurricularSampler", "is too free"),
    Pair("Blind", "MixGCFSampler", "is blind", no_dma="No images"),
    Pair("Blind", "CurricularSampler", "is blind", no_dma="No images"),
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


def test_every_pair_assembles_or_is_refused_for_the_reason_shown(ccd, tmp_path, monkeypatch):
    monkeypatch.setenv("CCD_CACHE", str(tmp_path))
    code, out, err = ccd("list", "--matrix", "--json")
    assert (code, err) == (0, "")
    pairs = json.loads(out)["matrix"]
    assert len(pairs) == len(components("backbone")) * len(components("sampler"))
    for pair in pairs:
        parts = {"sampler": SAMPLERS.get(pair["sampler"], find(pair["sampler"]).target)}
        if pair["needs_pools"] and "sampled negatives" not in (pair["reason"] or ""):
            parts |= {"aligner": DMA, "pools": DiffusionPools}
        made = experiment(backbone=backbone_of(pair["backbone"]), **parts)
        if pair["reason"] is None:
            made.assemble(dataset(), seed=0)
        else:
            with pytest.raises(ConfigError, match=re.escape(pair["reason"])):
                made.assemble(dataset(), seed=0)


def test_dma_fits_where_it_assembles(tmp_path, monkeypatch):
    monkeypatch.setenv("CCD_CACHE", str(tmp_path))
    reasons = {pair.backbone: pair.no_dma for pair in all_pairs()}
    assert reasons["BM3"] is None
    for backbone, reason in reasons.items():
        made = experiment(backbone=backbone_of(backbone), sampler=None, aligner=DMA)
        if reason is None:
            made.assemble(dataset(), seed=0)
        else:
            with pytest.raises(ConfigError, match=re.escape(reason)):
                made.assemble(dataset(), seed=0)


def test_takes_no_family(ccd):
    code, out, err = ccd("list", "sampler", "--matrix")
    assert (code, out) == (2, "")
    assert "drop the family or the option" in err


def test_a_part_of_another_kind_is_refused(monkeypatch):
    monkeypatch.setattr(registry, "_COMPONENTS", dict(registry._COMPONENTS))

    @registry.component("sampler")
    def odd_sampler(world: object) -> None:
        """No class."""

    with pytest.raises(ConfigError, match=r"'odd_sampler' is no Sampler.*ccd\.negatives\.base"):
        all_pairs()


@pytest.mark.parametrize("columns", [52, 60, 124, 200])
def test_all_pairs_as_a_table(ccd, columns):
    code, out, err = ccd("list", "--matrix", columns=columns)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert all(len(line) <= columns for line in lines)
    rows = {words[0]: words[1:] for words in map(str.split, lines) if words}
    for backbone in components("backbone"):
        assert len(rows[backbone.name]) == 1 + len(components("sampler"))
    assert set(rows["FREEDOM"]) == {"✓"}
    assert rows["BM3"][0] == "✓"
    assert "✓" not in rows["BM3"][1:]
    # Each reason stands below once, under the number that its cells show.
    number = rows["BPRMF"][0]
    assert [rows[name][0] for name in ("MMGCN", "SLMRec", "VBPR")] == [number] * 3
    flat = " ".join(out.split())
    assert f" {number} BPRMF, MMGCN, SLMRec, VBPR: offers no higher-order item" in flat
    for reason in ("offers no higher-order", "no item ID embeddings", "without sampled negatives"):
        assert flat.count(reason) == 1
    for words in ("CNS (modules dma, ndi, cns)", "last pool (modules dma, ndi) as @ndi/Curr"):
        assert words in flat
    # Letters head the columns of a narrow window, and their names stand below.
    legend = [line.split() for line in lines if re.fullmatch(r"[a-z] \w+", line)]
    names = [c.name for c in components("sampler")] if columns <= 60 else []
    assert legend == [[*pair] for pair in zip(ascii_letters, names, strict=False)]


@pytest.mark.parametrize(
    ("columns", "heading"), [(160, 0), (150, 0), (140, 3), (124, 3), (122, 0), (60, 0)]
)
def test_headings_are_broken_only_where_they_must_be(ccd, columns, heading):
    lines = ccd("list", "--matrix", columns=columns)[1].splitlines()
    (line,) = (line for line in range(len(lines)) if lines[line].startswith("backbone"))
    assert line == heading
    assert ("RealHNSSingleDomain " in lines[line]) == (columns >= 150)


def test_marks_and_reasons_in_ascii():
    class Ascii(StringIO):
        encoding = "ascii"

    text = Ascii()
    Console(file=text, width=60).print(MatrixView(PAIRS))
    lines = [line.strip("| ") for line in text.getvalue().splitlines()]
    assert text.getvalue().isascii()
    assert [line.split() for line in lines if line.startswith(("Free", "Blind"))] == [
        ["Free", "|", "+", "|", "+", "|", "1"],
        ["Blind", "|", "2", "|", "3", "|", "3"],
    ]
    assert lines[-3:] == ["1 Free: is too free", "2 Blind: No images", "3 Blind: is blind"]

import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from ccd.analysis.paper import load_paper
from ccd.analysis.verdicts import Verdict
from ccd.analysis.verification import MetricGap, verify
from ccd.errors import ConfigError
from ccd.runs.records import RunResult
from ccd.runs.writing import RunFolder
from ccd.views.verification_text import VerificationView, to_markdown
from tests.runs.changed import seal
from tests.runs.samples import finish

BABY = load_paper().values["baby"]


def write_runs(path, runs, *, name="baby", size=(19445, 7050, 160792), notes=()):
    """A run folder with test metrics ``factor`` times the paper's, per (variant, seed)."""
    dataset = SimpleNamespace(
        name=name,
        fingerprint="f00d",
        n_users=size[0],
        n_items=size[1],
        n_interactions=size[2],
        notes=notes,
    )
    with RunFolder(path, metric="recall@20") as folder:
        folder.manifest.describe(
            recipe="table2", variants=[], baseline=None, seeds=[], imports=[],
            dataset=dataset, device="cpu", engine="dgl", threads=1,
        )  # fmt: skip
        for (variant, seed), factor in runs.items():
            row = load_paper().row_of(variant, "baby") or "FREEDOM"
            metrics = {metric: factor * value for metric, value in BABY["FREEDOM"].items()}
            metrics |= {metric: factor * value for metric, value in BABY[row].items()}
            metrics["recall@20"] = 0.1
            finish(folder, RunResult(variant, seed, name, 1, 2, metrics, metrics))
    return path


def show(verification, width, encoding="utf-8"):
    buffer = io.BytesIO()
    stream = io.TextIOWrapper(buffer, encoding=encoding)
    Console(file=stream, width=width, highlight=False).print(VerificationView(verification))
    stream.flush()
    return buffer.getvalue().decode(encoding)


@pytest.fixture
def found(tmp_path):
    runs = {
        ("CCDRec(LATTICE)", 1): 1.03,
        ("CCDRec(LATTICE)", 2): 1.05,
        ("FREEDOM", 1): 0.99,
        ("FREEDOM", 2): 1.01,
        ("FREEDOM+DMA", 1): 1.0,
        ("BM3+DMA", 1): 1.0,
        ("FREEDOM+DMA+NDI+CNS", 2): 0.96,
        ("BPR-MF", 1): 0.98,
    }
    return verify(write_runs(tmp_path, runs, notes=("text features are read from x.npy",)))


@pytest.mark.parametrize(
    ("share", "sd", "verdict"),
    [
        (1.02, None, Verdict.EXCEEDS),
        (1.005, None, Verdict.REACHED),
        (0.992, None, Verdict.REACHED),
        (0.98, None, Verdict.CLOSE),
        (0.98, 0.0, Verdict.CLOSE),
        (0.96, None, Verdict.BELOW),
        (0.98, 0.025, Verdict.REACHED),
        (1.02, 0.025, Verdict.REACHED),
        (0.96, 0.5, Verdict.BELOW),  # seeds that scatter widely excuse nothing
    ],
)
def test_verdicts(share, sd, verdict):
    spread = None if sd is None else sd * 0.04
    assert MetricGap("recall@10", 0.04, share * 0.04, spread).verdict is verdict


def test_gaps_in_per_cent_and_in_spreads():
    comparison = MetricGap("recall@10", 0.04, 0.038, 0.001)
    assert comparison.gap == pytest.approx(-0.05)
    assert comparison.gap_in_sd == pytest.approx(-2)
    assert MetricGap("recall@10", 0.04, 0.038, None).gap_in_sd is None
    assert MetricGap("recall@10", 0.04, 0.038, 0.0).gap_in_sd is None


def test_rows_stand_in_the_papers_order_and_what_is_missing_is_said(found):
    assert [(row.variant, row.paper_row, str(row.verdict)) for row in found.rows] == [
        ("BPR-MF", "BPR-MF", "close"),
        ("CCDRec(LATTICE)", "CCDRec(LATTICE)", "exceeds"),
        ("FREEDOM", "FREEDOM", "reached"),
        ("FREEDOM+DMA+NDI+CNS", "CCDRec(FREEDOM)", "below"),
    ]
    assert found.without_value == ("FREEDOM+DMA", "BM3+DMA")
    assert "CCDRec(FREEDOM)" not in found.not_run
    assert {"MMGCN", "MG+DNS"} <= set(found.not_run)
    freedom = found.rows[2].comparisons[1]
    assert (freedom.metric, freedom.paper) == ("recall@10", 0.0626)
    assert freedom.ours == pytest.approx(0.0626)
    assert freedom.sd == pytest.approx(0.02 * 0.0626 / 2**0.5)


def test_json_has_what_the_text_has(found):
    record = found.to_json()
    row = record["rows"][1]
    assert (row["variant"], row["seeds"], row["verdict"]) == ("CCDRec(LATTICE)", [1, 2], "exceeds")
    assert row["metrics"]["ndcg@10"]["paper"] == 0.0325
    assert row["metrics"]["ndcg@10"]["gap"] == pytest.approx(0.04)
    assert record["without_paper_value"] == ["FREEDOM+DMA", "BM3+DMA"]
    assert record["figure_3_steps"] == ["FREEDOM+DMA"]
    assert "0.0356" in record["errata"][0]


@pytest.mark.parametrize(("width", "encoding"), [(60, "utf-8"), (80, "ascii"), (160, "utf-8")])
def test_text_fits_the_terminal_and_says_everything(found, width, encoding):
    text = show(found, width, encoding)
    assert max(len(line.rstrip()) for line in text.splitlines()) <= width
    flat = " ".join(text.split())
    for words in (
        "FREEDOM+DMA+NDI+CNS = CCDRec(FREEDOM) (1 of 2 seeds) below",
        "No value in the paper's tables: FREEDOM+DMA, BM3+DMA.",
        "Steps of the paper's Figure 3, for which it prints no values: FREEDOM+DMA.",
        "One seed has no spread, so per cent alone decide: BPR-MF, FREEDOM+DMA+NDI+CNS.",
        "In the paper, not run here: LightGCN, MMGCN,",
        "Erratum: Table 3 prints 0.0356",
        "Data: text features are read from x.npy.",
        "reached: the gap is at most one spread",
        "Toolbox: MMRec toolbox, evaluation page",
        "Gain of CCDRec in recall@10",
    ):
        assert words in flat, words
    line = next(line for line in text.splitlines() if line.split()[:2] == ["recall@10", "0.0626"])
    plus_minus = "+-" if encoding == "ascii" else "±"
    assert line.split()[2:] == ["0.0626", f"{plus_minus}0.0009", "+0.0%", "+0.0", "reached"]


def test_markdown_has_a_line_per_variant_and_metric(found):
    lines = to_markdown(found).splitlines()
    assert lines[0] == "# baby against the paper"
    assert "| BPR-MF (1 of 2 seeds) | recall@5 | 0.0208 | 0.0204 | -2.0% |  | close |" in lines
    # Four rows of the paper; BPR-MF and FREEDOM in three metrics of the toolbox; one gain.
    assert sum(line.startswith("| ") for line in lines) == (2 + 4 * 4) + (2 + 2 * 3) + (2 + 1)
    assert "| BPR-MF (1 of 2 seeds) | recall@10 | 0.0357 | 0.0337 | -5.6% |  | below |" in lines
    assert "- No value in the paper's tables: FREEDOM+DMA, BM3+DMA." in lines


def test_erratum_is_told_only_with_its_row(tmp_path):
    assert verify(write_runs(tmp_path, {("FREEDOM", 1): 1.0})).errata == ()


def test_a_name_of_ones_own_is_fine_if_the_data_are_the_papers(tmp_path):
    folder = write_runs(tmp_path, {("FREEDOM", 1): 1.0}, name="amazon")
    with pytest.raises(ConfigError, match=r"no data set 'amazon'; .*--dataset: baby, sports"):
        verify(folder)
    assert verify(folder, "baby").dataset == "baby"


def test_data_of_another_size_are_refused(tmp_path):
    folder = write_runs(tmp_path, {("FREEDOM", 1): 1.0}, name="planted", size=(1500, 1200, 9000))
    with pytest.raises(
        ConfigError, match=r"baby has 19445 users, .* got .*1500 users, 1200 items, 9000"
    ):
        verify(folder, "baby")
    with pytest.raises(ConfigError, match="did you mean sports"):
        verify(folder, "sport")


def test_what_cannot_be_compared_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="is no run folder"):
        verify(tmp_path / "nowhere", "baby")
    with pytest.raises(ConfigError, match="no finished run"):
        verify(write_runs(tmp_path / "empty", {}), "baby")
    with pytest.raises(
        ConfigError, match=r"prints no value on baby .*: mine\n.*\n  the paper's rows are BPR"
    ):
        verify(write_runs(tmp_path / "own", {("mine", 1): 1.0}))


def test_steps_of_figure_3_alone_are_refused_as_such(tmp_path):
    runs = {("MG+DMA", 1): 1.0, ("MG+DMA+NDI", 1): 1.0, ("mine", 1): 1.0}
    says = (
        r"no printed values, for MG\+DMA, MG\+DMA\+NDI: 'ccd plot ablation .*\n  the paper's rows"
    )
    with pytest.raises(ConfigError, match=says):
        verify(write_runs(tmp_path / "steps", runs))
    with pytest.raises(ConfigError) as caught:
        verify(write_runs(tmp_path / "own", {("mine", 1): 1.0}))
    assert "Figure 3" not in str(caught.value)


def test_a_run_without_the_papers_metrics_is_told_which(tmp_path):
    folder = write_runs(tmp_path, {("FREEDOM", 1): 1.0})
    lines = (folder / "results.jsonl").read_text()
    for metric in BABY["FREEDOM"]:
        lines = lines.replace(metric, metric.replace("@", "@1"))
    lines = lines.replace("recall@20", "recall@30")  # which the toolbox prints
    (folder / "results.jsonl").write_text(lines)
    seal(folder / "results.jsonl")
    with pytest.raises(ConfigError, match=r"prints recall@5, .* none of them was measured"):
        verify(folder)


def test_a_row_without_its_own_metrics_is_neither_unknown_nor_not_run(tmp_path):
    folder = write_runs(tmp_path, {("FREEDOM", 1): 1.0, ("FREEDOM+DNS", 1): 1.0})
    lines = (folder / "results.jsonl").read_text().replace("@10", "@50")
    (folder / "results.jsonl").write_text(lines)
    seal(folder / "results.jsonl")
    found = verify(folder)
    assert [row.variant for row in found.rows] == ["FREEDOM"]
    assert (found.without_value, found.not_measured) == ((), ("FREEDOM+DNS",))
    assert "FREEDOM+DNS" not in found.not_run
    assert found.to_json()["not_measured"] == ["FREEDOM+DNS"]
    words = "In the paper, but none of the metrics it prints was measured: FREEDOM+DNS."
    assert words in " ".join(show(found, 80).split())


def test_a_session_cut_short_does_not_hide_the_data(tmp_path):
    write_runs(tmp_path, {("FREEDOM", 1): 1.0})
    with RunFolder(tmp_path, metric="recall@20"):
        pass  # ended before its data were loaded
    assert verify(tmp_path).dataset == "baby"


def test_a_count_that_an_early_manifest_lacks_is_neither_asked_for_nor_shown(tmp_path):
    baby = write_runs(tmp_path / "baby", {("FREEDOM", 1): 1.0}, size=(19445, 7050, None))
    assert verify(baby).rows
    other = write_runs(tmp_path / "other", {("FREEDOM", 1): 1.0}, size=(100, 7050, None))
    with pytest.raises(
        ConfigError, match="baby has 19445 users, .*, got 'baby' with 100 users, 7050 items"
    ):
        verify(other)


def test_the_toolbox_is_beside_its_rows(tmp_path):
    runs = {("FREEDOM", 1): 1.0, ("FREEDOM", 2): 1.02, ("DualGNN", 1): 1.0}
    found = verify(write_runs(tmp_path, runs))
    assert [row.variant for row in found.toolbox] == ["DualGNN", "FREEDOM"]
    freedom = {gap.metric: gap for gap in found.toolbox[1].comparisons}
    assert set(freedom) == {"recall@10", "recall@20", "ndcg@10"}
    assert freedom["recall@10"].paper == 0.0627
    assert freedom["recall@10"].gap_in_sd == pytest.approx(
        (1.01 * 0.0626 - 0.0627) / (0.02 * 0.0626 / 2**0.5)
    )
    record = found.to_json()["toolbox"][1]
    assert record["metrics"]["ndcg@10"]["toolbox"] == 0.0330


def test_rows_of_the_toolbox_alone_are_enough(tmp_path):
    found = verify(write_runs(tmp_path, {("VBPR", 1): 1.0}))
    assert (found.rows, found.without_value) == ((), ("VBPR",))
    assert found.toolbox[0].verdict is Verdict.EXCEEDS
    assert "VBPR  exceeds" in show(found, 80)


PAIRS = {
    ("FREEDOM", 1): 1.0, ("FREEDOM+DMA+NDI+CNS", 1): 1.0,
    ("FREEDOM", 2): 1.0, ("FREEDOM+DMA+NDI+CNS", 2): 1.02,
    ("LATTICE", 1): 1.0, ("CCDRec(LATTICE)", 1): 0.9,
}  # fmt: skip


def test_gains_of_ccdrec_beside_the_papers(tmp_path):
    freedom, lattice = verify(write_runs(tmp_path, PAIRS)).gains
    printed = 0.0679 / 0.0626 - 1
    assert freedom.paper == {"baby": pytest.approx(printed)}
    assert freedom.ours == (pytest.approx(printed), pytest.approx(1.02 * 0.0679 / 0.0626 - 1))
    assert freedom.verdict is Verdict.REACHED
    assert freedom.gap_in_sd == pytest.approx(1 / 2**0.5)
    assert (lattice.base, lattice.verdict, lattice.sd) == ("LATTICE", Verdict.BELOW, None)


def test_on_data_that_the_paper_lacks_the_gains_are_beside_all_of_its(tmp_path):
    folder = write_runs(tmp_path, PAIRS, name="tiktok", size=(9308, 6710, 68722))
    found = verify(folder)
    freedom, lattice = found.gains
    assert set(freedom.paper) == {"baby", "sports", "clothing"}
    assert (freedom.gap, freedom.verdict) == (pytest.approx(0.0, abs=0.02), Verdict.REACHED)
    assert lattice.verdict is Verdict.BELOW
    text = " ".join(show(found, 80).split())
    assert "FREEDOM +6.6% to +8.7%" in text
    assert "The paper has no data set 'tiktok': gains alone compare." in text
    assert "| LATTICE | +9.4% to +22.8% | -1.6% |" in to_markdown(found)
    assert found.to_json()["gains"][1]["verdict"] == "below"
    with pytest.raises(ConfigError, match="baby has 19445 users"):
        verify(folder, "baby")

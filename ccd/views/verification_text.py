"""A comparison with the paper as text: for the terminal, and as Markdown."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table as RichTable
from rich.text import Text

from ccd.analysis.gains import GAIN_METRIC, GAIN_RULE, Gain
from ccd.analysis.paper import load_paper, load_toolbox
from ccd.analysis.verdicts import Verdict
from ccd.analysis.verification import RULE, MetricGap, Verification, VerifiedRow
from ccd.terminal.console import glyphs_for
from ccd.terminal.grid import Grid
from ccd.terminal.visible import cleaned
from ccd.views.table_text import markdown_rows, to_md

_HEADER = ("metric", "paper", "ours", "gap", "in sd", "verdict")
_GAINS = ("CCDRec on", "paper", "ours", "gap", "in sd", "verdict")
_WIDTHS = (11, 6, 14, 7, 6, 8)
_STYLES = {
    Verdict.EXCEEDS: "bold green",
    Verdict.REACHED: "green",
    Verdict.CLOSE: "yellow",
    Verdict.BELOW: "bold red",
}


class VerificationView:
    """One block per variant, one line per metric, then what the words mean."""

    def __init__(self, verification: Verification) -> None:
        self._verification = cleaned(verification)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        found, plus_minus = self._verification, glyphs_for(options).plus_minus
        for source, rows in _blocks(found):
            yield _grid([tuple(Text(title, style="dim") for title in _header(source))])
            for row in rows:
                style = _STYLES[row.verdict]
                yield Text.assemble((_title(row, found), "bold"), "  ", (str(row.verdict), style))
                yield _grid(
                    (
                        Text(f" {comparison.metric}"),
                        *map(Text, _numbers(comparison, plus_minus)),
                        Text(str(comparison.verdict), style=_STYLES[comparison.verdict]),
                    )
                    for comparison in row.comparisons
                )
            yield Text()
        if found.gains:
            yield Text(f"Gain of CCDRec in {GAIN_METRIC}", style="bold")
            rows_of_gains = [_gain(gain, plus_minus) for gain in found.gains]
            yield Grid(_GAINS, rows_of_gains)
            yield Text()
        for remark in remarks(found, plus_minus):
            yield Text(remark, style="dim")


def to_markdown(verification: Verification) -> str:
    """The comparison and what its words mean, as Markdown."""
    lines = [f"# {verification.dataset} against the paper"]
    for source, rows in _blocks(verification):
        lines += ["", *(["## Against the toolbox", ""] if source == "toolbox" else [])]
        lines += markdown_rows(
            ("variant", *_header(source)),
            (
                (
                    to_md(_title(row, verification)),
                    to_md(found.metric),
                    *_numbers(found, "±"),
                    str(found.verdict),
                )
                for row in rows
                for found in row.comparisons
            ),
        )
    if verification.gains:
        lines += ["", f"## Gain of CCDRec in {GAIN_METRIC}", ""]
        lines += markdown_rows(_GAINS, (_gain(gain, "±") for gain in verification.gains))
    lines += ["", *(f"- {to_md(remark)}" for remark in remarks(verification, "±"))]
    return "\n".join(lines) + "\n"


def _blocks(found: Verification) -> list[tuple[str, tuple[VerifiedRow, ...]]]:
    """Who published, and the rows beside it; without those that have none."""
    both = (("paper", found.rows), ("toolbox", found.toolbox))
    return [(source, rows) for source, rows in both if rows]


def _header(source: str) -> tuple[str, ...]:
    return tuple(source if title == "paper" else title for title in _HEADER)


def _gain(gain: Gain, plus_minus: str) -> tuple[str, ...]:
    """The cells of a gain, under ``_GAINS``."""
    low, high = min(gain.paper.values()), max(gain.paper.values())
    printed = f"{100 * low:+.1f}%" + (f" to {100 * high:+.1f}%" if high > low else "")
    spread = "" if gain.sd is None else f" {plus_minus}{100 * gain.sd:.1f}"
    in_sd = "" if gain.gap_in_sd is None else f"{gain.gap_in_sd:+.1f}"
    ours = f"{100 * gain.mean:+.1f}%{spread}"
    return gain.base, printed, ours, f"{100 * gain.gap:+.1f}", in_sd, str(gain.verdict)


def remarks(verification: Verification, plus_minus: str) -> list[str]:
    """What the numbers are, how they are judged and what is missing, one sentence or two each."""
    lines = [f"Paper: {load_paper().source}."]
    if verification.toolbox:
        lines.append(f"Toolbox: {load_toolbox().source}.")
    if verification.seeds:
        ours = f"seed {verification.seeds[0]}"
        if len(verification.seeds) > 1:
            seeds = ", ".join(map(str, verification.seeds))
            ours = f"mean {plus_minus} sd over seeds {seeds}; in sd: the gap in spreads"
        lines.append(f"Ours: {verification.dataset}, test split, {ours}.")
        lines.append(f"Verdict: {RULE}")
    if verification.gains:
        lines.append(
            f"Gains: {verification.dataset}, test split, seeds that both have. {GAIN_RULE}"
        )
    if not verification.seeds:
        lines.append(f"The paper has no data set '{verification.dataset}': gains alone compare.")
    alone = [row.variant for row in verification.rows if len(row.seeds) == 1]
    if alone:
        lines.append(f"One seed has no spread, so per cent alone decide: {', '.join(alone)}.")
    if verification.without_value:
        lines.append(f"No value in the paper's tables: {', '.join(verification.without_value)}.")
    if verification.drawn:
        steps = ", ".join(verification.drawn)
        lines.append(f"Steps of the paper's Figure 3, for which it prints no values: {steps}.")
    if verification.not_measured:
        names = ", ".join(verification.not_measured)
        lines.append(f"In the paper, but none of the metrics it prints was measured: {names}.")
    if verification.not_run:
        lines.append(f"In the paper, not run here: {', '.join(verification.not_run)}.")
    lines += [f"Erratum: {erratum}." for erratum in verification.errata]
    lines += [f"Data: {note}." for note in verification.data_notes]
    return lines


def _grid(rows: Iterable[tuple[Text, ...]]) -> RichTable:
    grid = RichTable.grid(padding=(0, 1, 0, 0))
    for title, width in zip(_HEADER, _WIDTHS, strict=True):
        is_word = title in ("metric", "verdict")
        grid.add_column(justify="left" if is_word else "right", min_width=width, overflow="fold")
    for row in rows:
        grid.add_row(*row)
    return grid


def _title(row: VerifiedRow, verification: Verification) -> str:
    """The variant, its row where that has another name, and its seeds where some are missing."""
    name = row.variant if row.variant == row.paper_row else f"{row.variant} = {row.paper_row}"
    missing = len(row.seeds) < len(verification.seeds)
    return f"{name} ({len(row.seeds)} of {len(verification.seeds)} seeds)" if missing else name


def _numbers(found: MetricGap, plus_minus: str) -> tuple[str, str, str, str]:
    spread = "" if found.sd is None else f" {plus_minus}{found.sd:.4f}"
    in_sd = "" if found.gap_in_sd is None else f"{found.gap_in_sd:+.1f}"
    return f"{found.paper:.4f}", f"{found.ours:.4f}{spread}", f"{100 * found.gap:+.1f}%", in_sd

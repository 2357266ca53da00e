"""What an import did, for the terminal."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text


class ImportView:
    """Sources and what was guessed of them, what was left out, the splits, what to type next."""

    def __init__(self, out: Path, report: Mapping[str, Any]) -> None:
        self._out, self._report = out, report

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        report = self._report
        for source in report["sources"]:
            yield Text(_source(source))
        yield Text(f"\n{report['rows']:,} rows read", end="")
        for reason, n in report["dropped"].items():
            yield Text(f"\n{-n:>+14,} {reason}", end="")
        yield Text(f"\n{report['events']:>14,} interactions\n")
        if report["k_core_rounds"]:
            yield _rounds(report["k_core_rounds"])
            yield Text()
        sizes = ", ".join(f"{name} {n:,}" for name, n in report["splits"].items())
        by = report["options"]["split"]["by"]
        yield Text.assemble(
            (report["name"], "bold"),
            f": {report['users']:,} users, {report['items']:,} items; split by {by}: {sizes}",
        )
        if cold := report.get("cold_items"):
            held = ", ".join(f"{n:,} in {name} only" for name, n in cold.items())
            yield Text(f"items that are never trained on: {held}")
        for one in report["features"]:
            yield Text(_features(one))
        for note in report["notes"]:
            yield Text(f"note: {note}", style="dim")
        out = shlex.quote(str(self._out))
        yield Text(f"\nlook:  ccd data describe {out}")
        has_features = bool(report["features"])
        recipe = "ablation_freedom.gin" if has_features else "backbones.gin --only LightGCN"
        yield Text(f"train: ccd run recipes/{recipe} --dataset {out}")


def _source(source: dict[str, Any]) -> str:
    text = f"{source['path']}: {source['kind']}"
    for role, column in source.get("columns", {}).items():
        guessed = " (guessed)" if role in source["guessed"] else ""
        unit = f", {source['times']}" if role == "time" and "times" in source else ""
        text += f"\n  {role:<5} {column}{unit}{guessed}"
    return text


def _features(one: dict[str, Any]) -> str:
    z = one["alignment_z"]
    aligned = "too few items to say" if z is None else f"z = {z:.1f}"
    counts = (
        f", {value:,} {key.replace('_', ' ')}"
        for key, value in one.items()
        if isinstance(value, int) and value and key not in ("dimension", "items", "rows")
    )
    width = f"{one['dimension']:,} numbers each"
    return f"{one['name']} in {one['file']}: {width}, alignment {aligned}{''.join(counts)}"


def _rounds(rounds: list[dict[str, int]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in ("k-core round", "users out", "items out", "events out"):
        table.add_column(column, justify="right")
    for number, one in enumerate(rounds, start=1):
        table.add_row(str(number), *(f"{one[key]:,}" for key in ("users", "items", "events")))
    return table

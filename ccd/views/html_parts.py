"""What pages are made of: tables that sort and filter, pictures, and the form around them."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Sequence
from importlib import resources
from typing import NamedTuple

from ccd.terminal.visible import visible

_WORD = ' class="word"'
_WORDS = {"variant", "variants", "setting", "settings", "value", "reason", "slice", "metric",
          "state"}  # fmt: skip
"""Columns of words, which are aligned at the left and may be broken; numbers are not."""

_NAMES = {"variant", "variants", "setting"}
"""Columns of names, which are best broken between their parts."""


def to_text(text: str) -> str:
    """``text`` with HTML's special characters escaped."""
    return html.escape(visible(text, keep="\n\t"))


def to_words(name: str) -> str:
    """The name of a variant or a setting as HTML that may be broken between its parts."""
    return re.sub(r"([._])|(?<!^)(?=[+(])", r"\1<wbr>", to_text(name))


class Sorted(NamedTuple):
    """A cell whose words do not begin with the number that they stand for, such as ``3m10s``."""

    text: str
    value: float


def to_table(
    header: Sequence[str],
    rows: Sequence[Sequence[str | Sorted]],
    *,
    raw: bool = False,
    plain: bool = False,
) -> str:
    """A table that sorts and filters, unless ``plain``; ``raw`` cells are HTML already."""
    head = "".join(
        f'<th scope="col"{_WORD if column in _WORDS else ""}>{to_words(column)}</th>'
        for column in header
    )
    lines = []
    for row in rows:
        cells = "".join(
            _cell(cell, column, is_first=not i, raw=raw)
            for i, (column, cell) in enumerate(zip(header, row, strict=True))
        )
        lines.append(f"<tr>{cells}</tr>")
    kind = "plain" if plain else "data"
    return (
        f'<div class="wide" role="region" aria-label="Table by {to_text(header[0])}" tabindex="0">'
        f'<table class="{kind}"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


def _cell(cell: str | Sorted, column: str, *, is_first: bool, raw: bool) -> str:
    text, value = (
        (cell, "") if isinstance(cell, str) else (cell.text, f' data-value="{cell.value}"')
    )
    inner = text if raw else (to_words if column in _NAMES else to_text)(text)
    word = _WORD if column in _WORDS else ""
    if is_first:
        return f'<th scope="row"{word}{value}>{inner}</th>'
    return f"<td{word}{value}>{inner}</td>"


def to_figure(words: str, instead: str, svg: str) -> str:
    """A picture of its own: names within one SVG cannot clash with those of another.

    Args:
        words: What it shows; stands below.
        instead: For who cannot see it: its kind, and where its numbers stand.
        svg: The picture.
    """
    data = base64.b64encode(svg.encode()).decode()
    found = re.search(r'<svg [^>]*width="([\d.]+)pt"', svg)
    # On a narrow screen a figure scrolls rather than shrinking until its text cannot be read.
    least = f' style="min-width: {float(found[1]):.0f}px"' if found else ""
    return (
        f'<figure><div class="wide" role="region" aria-label="Figure" tabindex="0">'
        f'<img alt="{to_text(instead)}"{least} src="data:image/svg+xml;base64,{data}"></div>'
        f"<figcaption>{to_text(words)}</figcaption></figure>"
    )


def to_details(summary: str, content: str) -> str:
    """HTML that is folded away until it is asked for, or printed."""
    return f"<details><summary>{to_text(summary)}</summary>{content}</details>"


class Part(NamedTuple):
    """A section of a page.

    Attributes:
        title: Its heading, and the link to it.
        content: HTML.
        more: What the heading says beyond its title.
    """

    title: str
    content: str
    more: str = ""


def to_page(title: str, parts: Sequence[Part], notes: Sequence[str] = ()) -> str:
    """One file with its style, script and pictures in it.

    Args:
        title: Heading.
        parts: The sections.
        notes: Said before the sections.
    """
    body = "".join(f"<p>Note: {to_text(note)}</p>" for note in notes)
    links = ""
    for i, part in enumerate(parts):
        heading = f"{part.title} ({part.more})" if part.more else part.title
        body += f'<section id="s{i}"><h2>{to_text(heading)}</h2>{part.content}</section>'
        links += f'<li><a href="#s{i}">{to_text(part.title)}</a></li>'
    form = resources.files("ccd.views").joinpath("page.html").read_text(encoding="utf-8")
    for name, value in {"TITLE": to_text(title), "LINKS": links, "BODY": body}.items():
        form = form.replace(f"<!--{name}-->", value)
    return form

"""What pages are made of: tables that sort and filter, pictures, and the form around them."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping, Sequence
from importlib import resources

_WORD = ' class="word"'


def to_text(text: str) -> str:
    """``text`` with HTML's special characters escaped."""
    return html.escape(text)


def to_table(
    header: Sequence[str], rows: Sequence[Sequence[str]], *, raw: bool = False, plain: bool = False
) -> str:
    """A table that sorts and filters, unless ``plain``; ``raw`` cells are HTML already."""
    head = "".join(
        f'<th scope="col"{_WORD if column == "variant" else ""}>{to_text(column)}</th>'
        for column in header
    )
    lines = []
    for row in rows:
        first, *rest = (cell if raw else to_text(cell) for cell in row)
        cells = "".join(
            f"<td{_WORD if column == 'variant' else ''}>{cell}</td>"
            for column, cell in zip(header[1:], rest, strict=True)
        )
        lines.append(f'<tr><th scope="row">{first}</th>{cells}</tr>')
    kind = "plain" if plain else "data"
    return (
        f'<div class="wide" role="region" aria-label="Table by {to_text(header[0])}" tabindex="0">'
        f'<table class="{kind}"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


def to_figure(words: str, svg: str) -> str:
    """A picture of its own: names within one SVG cannot clash with those of another."""
    data = base64.b64encode(svg.encode()).decode()
    return (
        f'<figure><img alt="{to_text(words)}" src="data:image/svg+xml;base64,{data}">'
        f"<figcaption>{to_text(words)}</figcaption></figure>"
    )


def to_page(title: str, parts: Mapping[str, str], notes: Sequence[str] = ()) -> str:
    """One file with its style, script and pictures in it.

    Args:
        title: Heading.
        parts: Title of each section to its HTML.
        notes: Said before the sections.
    """
    body = "".join(f"<p>Note: {to_text(note)}</p>" for note in notes) + "".join(
        f'<section id="s{i}"><h2>{to_text(name)}</h2>{content}</section>'
        for i, (name, content) in enumerate(parts.items())
    )
    links = "".join(
        f'<li><a href="#s{i}">{to_text(name.partition(" (")[0])}</a></li>'
        for i, name in enumerate(parts)
    )
    form = resources.files("ccd.reports").joinpath("page.html").read_text(encoding="utf-8")
    for name, value in {"TITLE": to_text(title), "LINKS": links, "BODY": body}.items():
        form = form.replace(f"<!--{name}-->", value)
    return form

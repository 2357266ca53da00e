"""The page of ``ccd report``: one HTML file that needs no network."""

from __future__ import annotations

from collections.abc import Iterator

from ccd.analysis.comparing import Compared
from ccd.figures.catalogue import FIGURES
from ccd.views.comparing_text import Section, beyond_sections, contrast_sections, slice_sections
from ccd.views.html_parts import Part, to_details, to_figure, to_page, to_table, to_text
from ccd.views.page import Page
from ccd.views.page_tables import each_seed, main_table, settings_html
from ccd.views.table_text import DEFINITIONS

_LEAD = "ablation"
"""The figure that stands above the main table."""

_LONG = 30
"""Rows that a table below the main one may have and still be open."""


def to_html(page: Page) -> str:
    """The page, with its style, script and pictures in it."""
    table = page.compared.table
    lead = figure_html(_LEAD, page.figures[_LEAD]) if _LEAD in page.figures else ""
    others = [figure_html(kind, svg) for kind, svg in page.figures.items() if kind != _LEAD]
    missing = [f"<p>No figure {kind}: {to_text(why)}</p>" for kind, why in page.skipped.items()]
    results = _question(page) + lead + main_table(table) + _definitions(page) + each_seed(table)
    config = settings_html(page.settings, [row.variant for row in table.rows])
    parts = [
        Part("Results", results),
        *_comparisons(page.compared),
        Part("More figures", "".join([*others, *missing])),
        Part("Config", config),
        *(
            Part(title, to_table(("what", "value"), list(facts.items()), plain=True))
            for title, facts in page.facts.items()
        ),
        Part("How to reproduce", _reproduction(page)),
    ]
    return to_page(page.title, parts, page.compared.notes)


def figure_html(kind: str, svg: str) -> str:
    """A figure of the catalogue with its caption."""
    return to_figure(FIGURES[kind].caption, FIGURES[kind].alt, svg)


def _comparisons(compared: Compared) -> Iterator[Part]:
    """What follows the main table; each metric's slices are folded away."""
    for section in contrast_sections(compared):
        yield Part(section.title, _folded_if_long(section), section.more)
    slices = [
        to_details(section.heading, _variants_first(section))
        for section in slice_sections(compared)
    ]
    if slices:
        yield Part("By slice", "".join(slices))
    for section in beyond_sections(compared):
        yield Part(section.title, _folded_if_long(section), section.more)


def _folded_if_long(section: Section) -> str:
    table, rows = _variants_first(section), section.rows
    return to_details(f"All {len(rows)} rows", table) if len(rows) > _LONG else table


def _variants_first(section: Section) -> str:
    """The table of a section, the variant in the column that stays in view."""
    place = section.header.index("variant")
    header, *lines = (
        (row[place], *row[:place], *row[place + 1 :]) for row in (section.header, *section.rows)
    )
    return to_table(header, lines)


def _reproduction(page: Page) -> str:
    """The commands, and the recipes that they name in full: this page is all one needs."""
    if not page.recipes:
        return "<p>The run folders hold no config.gin that can be read.</p>"
    names = ", ".join(page.recipes)
    words = f"Write the text below into {names}, and with the ccd named under Environment:"
    texts = [
        to_details(name, f"<pre>{to_text(recipe)}</pre>") for name, recipe in page.recipes.items()
    ]
    commands = f"<pre>{to_text(chr(10).join(page.commands))}</pre>"
    return f"<p>{to_text(words)}</p>{commands}{''.join(texts)}"


def _question(page: Page) -> str:
    table = page.compared.table
    others = [row.variant for row in table.rows if row.variant != table.baseline]
    if not others or table.baseline is None:
        return ""
    who = f"Do the other {len(others)} variants" if len(others) > 1 else f"Does {others[0]}"
    return (
        f"<p><strong>{to_text(f'{who} rank test items better than {table.baseline}?')}</strong></p>"
    )


def _definitions(page: Page) -> str:
    kinds = dict.fromkeys(name.partition("@")[0] for name in page.compared.table.metrics)
    words = [f"<p>{to_text(DEFINITIONS[kind])}.</p>" for kind in kinds if kind in DEFINITIONS]
    return to_details("How each metric is computed", "".join(words)) if words else ""

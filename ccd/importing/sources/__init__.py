"""Where rows come from: files of many formats and tables in memory, all read in batches."""

from ccd.importing.sources.base import Source
from ccd.importing.sources.detect import Reading, items_beside, open_file, open_sources
from ccd.importing.sources.parquet import TableSource, as_table

__all__ = [
    "Reading",
    "Source",
    "TableSource",
    "as_table",
    "items_beside",
    "open_file",
    "open_sources",
]

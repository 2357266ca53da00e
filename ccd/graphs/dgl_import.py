"""The one module that imports DGL, which is no longer maintained and needs two workarounds.

DGL 2.1.0 (the only release for Python 3.12) imports GraphBolt, its data loader, whose C++ library
exists for torch 2.0 to 2.2 only and whose Python half needs the removed ``torchdata.datapipes``.
ccd uses DGLGraph and message passing, never GraphBolt, so an empty module takes its place. DGL also
prints advice about its backend to the terminal; naming the backend keeps it quiet.
"""

from __future__ import annotations

import os
import sys
import types
import warnings
from importlib import metadata
from typing import Any

from ccd.collector import collector_paused

os.environ.setdefault("DGLBACKEND", "pytorch")
if metadata.version("dgl").startswith("2."):
    sys.modules.setdefault("dgl.graphbolt", types.ModuleType("dgl.graphbolt"))

with warnings.catch_warnings(), collector_paused():
    warnings.simplefilter("ignore")
    from dgl.backend import gspmm
    from dgl.heterograph_index import create_unitgraph_from_coo

__all__ = ["gspmm", "unit_graph"]


def unit_graph(source: Any, target: Any, n_sources: int, n_targets: int) -> Any:
    """Graph index of edges ``source[j] -> target[j]`` between two sets of nodes."""
    formats = ["coo", "csr", "csc"]
    return create_unitgraph_from_coo(2, n_sources, n_targets, source, target, formats)

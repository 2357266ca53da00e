"""``ccd serve``: recommendations over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer


def serve(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", help="The folder that 'ccd export' wrote.", show_default=False
        ),
    ],
    host: Annotated[
        str, typer.Option("--host", metavar="ADDRESS", help="Listen at this address.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", metavar="N", min=0, max=65535, help="Listen at this port.")
    ] = 8000,
    workers: Annotated[
        int, typer.Option("--workers", metavar="N", min=1, help="Processes that answer.")
    ] = 1,
    reload_seconds: Annotated[
        float,
        typer.Option(
            "--reload-every",
            metavar="SECONDS",
            min=0.1,
            help="Look for a new export in DIR this often.",
        ),
    ] = 5.0,
    token_file: Annotated[
        Optional[Path],  # noqa: UP045 - typer reads annotations at run time
        typer.Option(
            "--token-file",
            metavar="FILE",
            help="Demand the token in this file from clients, as 'Authorization: Bearer TOKEN'.",
        ),
    ] = None,
) -> None:
    """Answer requests for recommendations over HTTP, from an exported folder.

    /recommend, /similar, /healthz, /metrics (Prometheus), and /docs for all they take. Needs
    neither torch nor DGL. A new export in the folder is loaded while the old one serves.
    """
    from ccd.serving.server import run_server

    run_server(
        folder,
        host=host,
        port=port,
        workers=workers,
        reload_seconds=reload_seconds,
        token_file=token_file,
    )

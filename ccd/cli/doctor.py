"""``ccd doctor``: can ccd run here, and what would it use?"""

from __future__ import annotations

from typing import Annotated

import typer

from ccd.errors import ResourceError


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object.")] = False,
) -> None:
    """Check whether ccd can run here, and say what to do where it cannot."""
    import json
    from dataclasses import asdict

    from ccd.cli.diagnosis import diagnose
    from ccd.collector import collector_paused
    from ccd.terminal.console import make_console
    from ccd.views.checks_text import print_checks

    with collector_paused():  # it imports torch and DGL
        checks = list(diagnose())
    can_run = all(check.status != "problem" for check in checks)
    if as_json:
        print(json.dumps({"can_run": can_run, "checks": [asdict(c) for c in checks]}, indent=2))
    else:
        console = make_console()
        print_checks(console, checks)
        console.print("ccd can run here" if can_run else "ccd cannot run here")
    if not can_run:
        raise typer.Exit(ResourceError.exit_code)

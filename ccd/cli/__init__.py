"""The command line: ``ccd run``, ``search``, ``show``, ``data``, ``list`` and the others."""

from __future__ import annotations

import json
import os
import sys
from typing import Annotated, TextIO

import typer

from ccd import __version__
from ccd.cli.compare import compare
from ccd.cli.data import data
from ccd.cli.diff import diff
from ccd.cli.doctor import doctor
from ccd.cli.list_ import list_
from ccd.cli.negatives import negatives
from ccd.cli.plot import plot
from ccd.cli.report import report
from ccd.cli.run import run
from ccd.cli.search import search
from ccd.cli.show import show
from ccd.cli.verify import verify
from ccd.errors import CcdError

app = typer.Typer(
    name="ccd",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("run")(run)
app.add_typer(search, name="search")
app.command("show")(show)
app.command("verify")(verify)
app.command("compare")(compare)
app.command("diff")(diff)
app.command("plot")(plot)
app.command("report")(report)
app.command("negatives")(negatives)
app.add_typer(data, name="data")
app.command("list")(list_)
app.command("doctor")(doctor)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"ccd {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Curriculum Conditioned Diffusion for Multimodal Recommendation, from one gin recipe."""


def main() -> None:
    """Run the command line and exit: refusals with their code, Ctrl-C with 130, usage with 2."""
    for stream in (sys.stdout, sys.stderr):
        _survive_any_locale(stream)
    try:
        app()
    except CcdError as error:
        if os.environ.get("CCD_DEBUG"):
            raise
        _report(error)
        raise SystemExit(error.exit_code) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    finally:
        _close_quietly()


def _survive_any_locale(stream: TextIO) -> None:
    """A terminal that lacks a character gets a substitute instead of an exception."""
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="replace")


def _report(error: CcdError) -> None:
    """One refusal: for people on stderr, with ``--json`` as one object on stdout."""
    if "--json" in sys.argv[1:]:
        kind = type(error).__name__
        body = {"kind": kind, "message": str(error), "exit_code": error.exit_code}
        print(json.dumps({"error": body}))
    else:
        print(f"ccd: error: {error}", file=sys.stderr)


def _close_quietly() -> None:
    """Without this, Python complains at exit when the reader of a pipe has gone."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        from ccd.reports.console import silence_stdout

        silence_stdout()

"""The command line: ``ccd run``, ``search``, ``show``, ``data``, ``list`` and the others."""

from __future__ import annotations

import atexit
import errno
import gc
import json
import os
import sys
from contextlib import suppress
from typing import Annotated, TextIO

import typer

from ccd import __version__
from ccd.arguments import refuse_other_bytes
from ccd.cli.check import check
from ccd.cli.commands import Commands, is_of_closed_pipe
from ccd.cli.compare import compare
from ccd.cli.data import data
from ccd.cli.diff import diff
from ccd.cli.doctor import doctor
from ccd.cli.explain import explain
from ccd.cli.export import export
from ccd.cli.import_results import import_results
from ccd.cli.init import init
from ccd.cli.list_ import list_
from ccd.cli.negatives import negatives
from ccd.cli.plan import plan
from ccd.cli.plot import PLOT_HELP, plot
from ccd.cli.recipe_command import RecipeCommand
from ccd.cli.recommend import recommend
from ccd.cli.report import report
from ccd.cli.run import run
from ccd.cli.search import search
from ccd.cli.serve import serve
from ccd.cli.show import show
from ccd.cli.similar import similar
from ccd.cli.verify import verify
from ccd.errors import CcdError, Place, ResourceError, reason
from ccd.terminal.stdout import close_stdout, give_up_stdout, say
from ccd.terminal.visible import visible

app = typer.Typer(
    name="ccd",
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_TRAIN, _LOOK, _READ, _USE = "Train", "Before a run", "After a run", "Use a trained model"
app.command("run", cls=RecipeCommand, rich_help_panel=_TRAIN)(run)
app.add_typer(search, name="search", rich_help_panel=_TRAIN)
app.command("import-results", rich_help_panel=_TRAIN)(import_results)
app.command("init", rich_help_panel=_LOOK)(init)
app.command("list", rich_help_panel=_LOOK)(list_)
app.command("plan", cls=RecipeCommand, rich_help_panel=_LOOK)(plan)
app.command("show", cls=RecipeCommand, rich_help_panel=_LOOK)(show)
app.add_typer(data, name="data", rich_help_panel=_LOOK)
app.command("check", rich_help_panel=_LOOK)(check)
app.command("doctor", rich_help_panel=_LOOK)(doctor)
app.command("compare", rich_help_panel=_READ)(compare)
app.command("diff", rich_help_panel=_READ)(diff)
app.command("plot", help=PLOT_HELP, rich_help_panel=_READ)(plot)
app.command("report", rich_help_panel=_READ)(report)
app.command("recommend", rich_help_panel=_USE)(recommend)
app.command("similar", rich_help_panel=_USE)(similar)
app.command("explain", rich_help_panel=_USE)(explain)
app.command("export", rich_help_panel=_USE)(export)
app.command("serve", rich_help_panel=_USE)(serve)
app.command("negatives", rich_help_panel=_READ)(negatives)
app.command("verify", rich_help_panel=_READ)(verify)


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
    """Train, compare and inspect multimodal recommenders, each experiment from one gin recipe."""


def main() -> None:
    """Run the command line and exit: refusals with their code, Ctrl-C with 130, usage with 2."""
    # At its end a process walks all objects once more; with torch that takes half a second.
    atexit.register(gc.freeze)
    _mend_streams()
    code = 0
    try:
        sys.argv[1:] = map(_as_word, sys.argv[1:])
        app()
    except SystemExit as ended:  # a command that ends well ends so too
        code = ended.code if isinstance(ended.code, int) and not is_of_closed_pipe(ended) else 0
    except KeyboardInterrupt:
        code = 130
    except (CcdError, OSError) as error:
        if os.environ.get("CCD_DEBUG"):
            raise
        code = _refuse(error)
    except (MemoryError, ImportError) as error:
        known = isinstance(error, MemoryError) or _NOT_LOADED in str(error)
        if os.environ.get("CCD_DEBUG") or not known:
            raise
        code = _refuse(_out_of_memory(error))
    lost = close_stdout()
    if lost is not None:
        code = _report(_lost_output(lost), as_json=False)
    raise SystemExit(code)


def _as_word(word: str) -> str:
    """An argument with its ``~`` expanded, which shells leave in ``--out=~/runs``.

    Raises:
        ConfigError: It holds bytes that are not UTF-8.
    """
    refuse_other_bytes(word)
    option, equals, path = word.partition("=") if word.startswith("--") else ("", "", word)
    return option + equals + os.path.expanduser(path)


_STREAM_FAILURES = (errno.EPIPE, errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EBADF)
"""What printing fails with; no file is named then."""


def _mend_streams() -> None:
    """A closed stream (``>&-``) is written nowhere; characters a terminal lacks get substitutes."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - till exit
        stream: TextIO = getattr(sys, name)
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


_NOT_LOADED = "failed to map segment"
"""How the system says that a library does not fit into the memory that is left."""


def _refuse(error: CcdError | OSError) -> int:
    """Report what stopped a command; returns the exit code."""
    if isinstance(error, OSError) and error.filename is None and error.errno in _STREAM_FAILURES:
        give_up_stdout(error)
        return 1
    refusal = _refused_by_system(error) if isinstance(error, OSError) else error
    return _report(refusal, as_json="--json" in sys.argv[1:])


def _report(error: CcdError, *, as_json: bool) -> int:
    """One refusal, for people on stderr or as one object on stdout; returns its exit code."""
    if as_json:
        say(json.dumps({"error": error.to_json()}))
    else:
        with suppress(OSError):  # nobody can be told
            print(f"ccd: error: {visible(str(error), keep=chr(10))}", file=sys.stderr)
    return error.exit_code


def _lost_output(error: OSError) -> ResourceError:
    return ResourceError(
        f"cannot write standard output: {error.strerror or error}",
        hint="what was printed is incomplete, files in run folders are complete: free that disk or"
        " write elsewhere",
    )


def _out_of_memory(error: MemoryError | ImportError) -> ResourceError:
    return ResourceError(
        f"not enough memory: {reason(error)}",
        hint="end other programs, or allow this process more: see 'ulimit -v' and the limits of its"
        " container",
    )


def _refused_by_system(error: OSError) -> ResourceError:
    """The last net: files that nobody may read, disks that fail."""
    return ResourceError(
        f"the system refuses a file: {error.strerror or error}",
        where=None if error.filename is None else Place(str(error.filename)),
        hint="make it readable and writable, or name another (CCD_DEBUG=1 shows where)",
    )

"""Commands of ``ccd``, each in a process of its own, without the seconds that imports take.

One process imports ccd; whatever is to be run is then run in a process that it forks.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
_FORK = """
import json, os, sys
import torch
import ccd.ablation
from ccd.cli import main

for line in sys.stdin:
    words, folder, said = json.loads(line)
    child = os.fork()
    if child:
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
        continue
    os.chdir(folder)
    for number, name in ((1, "out"), (2, "error")):
        os.dup2(os.open(f"{said}/{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    sys.argv[1:] = words
    main()
    os._exit(0)
"""


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it said."""

    returncode: int
    stdout: str
    stderr: str


class Commands:
    """What runs them.

    Args:
        process: The one that forks.
        said: Folder of the files into which they print.
    """

    def __init__(self, process: subprocess.Popen[str], said: Path) -> None:
        self._process, self._said = process, said

    def run(self, *words: str, folder: Path) -> Done:
        """Run ``ccd`` with these words in a folder."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([words, str(folder), str(self._said)]) + "\n")
        self._process.stdin.flush()
        code = int(self._process.stdout.readline())
        return Done(code, *((self._said / name).read_text() for name in ("out", "error")))


@contextmanager
def commands(limits: str = "", **environment: str) -> Iterator[Commands]:
    """Commands, for as long as the block lasts.

    Args:
        limits: What bash does before, such as ``ulimit -n 99``.
        environment: Variables to add.
    """
    python = f'exec {sys.executable} -c "$0"'
    with (
        TemporaryDirectory() as said,
        subprocess.Popen(
            ["bash", "-c", f"{limits}\n{python}", _FORK],
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        yield Commands(process, Path(said))
        assert process.stdin is not None
        process.stdin.close()

"""The progress bar of ``ccd recommend`` on a real terminal."""

import os
import pty
import subprocess
import sys


def shown_on_a_terminal(*words, cwd):
    """What a command shows where standard error is a terminal, and what it prints."""
    ours, its = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "ccd", *words],
        stdout=subprocess.PIPE, stderr=its, cwd=cwd, env={**os.environ, "TERM": "xterm"},
    )  # fmt: skip
    os.close(its)
    shown = b""
    try:
        while block := os.read(ours, 4096):
            shown += block
    except OSError:  # the terminal's other end is closed
        pass
    os.close(ours)
    printed, _ = child.communicate()
    assert child.returncode == 0, shown.decode()
    return shown.decode(), printed.decode()


def test_the_bar_is_shown_to_its_end_and_taken_away(finished_folder, tmp_path):
    words = ["recommend", str(finished_folder.resolve()), "--out", "lists.csv"]
    shown, printed = shown_on_a_terminal(*words, cwd=tmp_path)
    assert "listing items" in shown
    assert "100%" in shown
    assert shown.rstrip().endswith("\x1b[2K")  # the line is erased
    assert "\x1b[?25h" in shown  # and the cursor is there again
    assert "listing items" not in printed
    assert (tmp_path / "lists.csv").read_text().count("\n") > 60

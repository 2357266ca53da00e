import io
import os
import subprocess
import sys

import pytest

from ccd.progress.live import LiveProgress
from ccd.progress.observers import choose_observer
from ccd.progress.plain import JsonProgress, PlainProgress
from ccd.terminal.console import PatientConsole, duration, make_console, shorten

from .test_plain import play


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_observer_suits_the_output(monkeypatch):
    assert isinstance(choose_observer(json=True), JsonProgress)
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert isinstance(choose_observer(), PlainProgress)
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    assert isinstance(choose_observer(), LiveProgress)
    assert isinstance(choose_observer(json=True), JsonProgress)
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(choose_observer(), PlainProgress)


def test_live_display_leaves_the_last_state_and_notes_on_the_screen():
    stream = Terminal()
    observer = LiveProgress(PatientConsole(file=stream, width=100, force_terminal=True))
    play(observer)
    observer.closed()
    text = stream.getvalue()
    assert text.startswith("run folder: runs/x")
    assert "note: 12 duplicate [pairs] dropped" in text
    assert "2/4 runs" in text


def test_no_color_is_honoured(monkeypatch):
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", "1")
    make_console().print("[red]x[/red]")
    assert "31m" not in sys.stdout.getvalue()


SCRIPT = """
from ccd.terminal.console import make_console
console = make_console()
for number in range(20000):
    console.print("line", number)
open({marker!r}, "w").write("trained to the end")
"""


def test_reader_that_goes_away_does_not_stop_training(tmp_path):
    marker = str(tmp_path / "marker")
    command = [sys.executable, "-c", SCRIPT.format(marker=marker)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout.readline() == b"line 0\n"
    process.stdout.close()
    assert process.wait(30) == 0
    assert process.stderr.read() == b""
    assert os.path.exists(marker)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0s"), (59, "59s"), (61, "1m01s"), (7500, "2h05m")]
)
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_shortened_names_keep_their_end():
    assert shorten("FREEDOM+DMA", 20, "…") == "FREEDOM+DMA"
    assert shorten("FREEDOM+DMA", 5, "…") == "…+DMA"

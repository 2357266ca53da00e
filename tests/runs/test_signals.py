import os
import signal

import pytest

from ccd.runs.signals import on_signals


def send(*numbers):
    for number in numbers:
        os.kill(os.getpid(), number)


def test_signals_are_told_and_what_was_before_comes_back():
    before, came = signal.getsignal(signal.SIGHUP), []
    with on_signals(came.append):
        send(signal.SIGTERM, signal.SIGTERM)
    assert came == [signal.SIGTERM] * 2
    assert signal.getsignal(signal.SIGHUP) is before


@pytest.mark.parametrize("first", [signal.SIGHUP, signal.SIGTERM])
def test_a_hang_up_is_never_the_second_signal(first):
    came = []
    with on_signals(came.append):
        send(first, signal.SIGHUP, signal.SIGHUP)
    assert came == [first]


def test_nohup_is_respected(monkeypatch):
    before, came = signal.signal(signal.SIGHUP, signal.SIG_IGN), []
    try:
        with on_signals(came.append):
            send(signal.SIGHUP)
        assert came == []
    finally:
        signal.signal(signal.SIGHUP, before)

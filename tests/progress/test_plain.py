import errno
import io
import json
import os
import sys
from dataclasses import replace

import pytest
from rich.console import Console

from ccd.negative_source import NegativeSource
from ccd.progress.plain import JsonProgress, PlainProgress
from ccd.terminal.console import make_console
from tests.runs.samples import make_epoch, make_plan, make_result


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def play(observer, clock=None):
    observer.started(make_plan())
    observer.note("12 duplicate [pairs] dropped")
    for epoch in range(4):
        observer.epoch(make_epoch("FREEDOM", epoch=epoch))
        if clock:
            clock.now += 2.0
    observer.finished(make_result("FREEDOM"), skipped=False)
    observer.finished(make_result("FREEDOM+DMA"), skipped=True)
    observer.closed()


def test_plain_lines_are_whole_few_and_without_carriage_returns():
    stream, clock = io.StringIO(), Clock()
    play(PlainProgress(Console(file=stream, width=40), every=5.0, clock=clock), clock)
    text = stream.getvalue()
    assert "\r" not in text
    assert "\x1b" not in text
    lines = text.splitlines()
    assert lines[0] == "run folder: runs/x"
    assert "note: 12 duplicate [pairs] dropped" in lines
    # Epochs end at 0, 2, 4 and 6 seconds: the first and the last get a line.
    epochs = [line for line in lines if "epoch " in line]
    assert [line.split("epoch ")[1].split("/")[0] for line in epochs] == ["1", "4"]
    assert ", pool 2/4, " in epochs[0]
    assert "recall@20 0.1000 (best 0.1200 @4)" in epochs[0]
    assert lines[-2].startswith("[1/4] FREEDOM seed 999: finished in 2m00s")
    assert lines[-1].startswith("[2/4] FREEDOM+DMA seed 999: found finished")


def test_json_is_one_object_per_event_and_nothing_else(capsys):
    play(JsonProgress())
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["event"] for event in events] == [
        "started", "note", *["epoch"] * 4, "finished", "finished",
    ]  # fmt: skip
    assert events[0]["runs"][0] == ["FREEDOM", 999]
    assert events[0]["out"] == "runs/x"
    assert events[2]["losses"] == {"total": 0.41, "bpr": 0.3}
    assert events[6]["test"] == make_result("FREEDOM").test
    assert [event["skipped"] for event in events[6:8]] == [False, True]


def test_negatives_that_are_no_pool_are_called_so():
    stream = io.StringIO()
    observer = PlainProgress(Console(file=stream), every=0.0)
    observer.started(make_plan())
    observer.epoch(make_epoch("FREEDOM", source=NegativeSource.final()))
    assert ", negatives: final, " in stream.getvalue()


def test_an_epoch_before_the_first_evaluation_has_no_best():
    stream = io.StringIO()
    observer = PlainProgress(Console(file=stream), every=0.0)
    observer.started(make_plan())
    early = replace(make_epoch("FREEDOM"), valid=None, best=None, best_epoch=None)
    observer.epoch(early)
    assert "best" not in stream.getvalue()


def test_json_ends_what_it_started_when_told_to(capsys):
    observer = JsonProgress()
    observer.end()
    assert capsys.readouterr().out == ""
    play(observer)
    observer.end()
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == {"event": "closed"}


def test_json_is_strict_where_a_number_is_not_finite(capsys):
    observer = JsonProgress()
    record = make_epoch("FREEDOM")
    object.__setattr__(record, "best", float("-inf"))
    observer.epoch(record)
    assert json.loads(capsys.readouterr().out)["best"] is None


class Gone(io.StringIO):
    def __init__(self, code):
        super().__init__()
        self.code = code

    def write(self, text):
        raise OSError(self.code, os.strerror(self.code))


@pytest.mark.parametrize("code", [errno.EPIPE, errno.EIO], ids=["pipe", "terminal"])
def test_an_output_that_is_gone_does_not_stop_a_run(monkeypatch, code):
    monkeypatch.setattr(sys, "stdout", Gone(code))
    play(JsonProgress())
    play(PlainProgress(make_console()))
    with pytest.raises(OSError, match=os.strerror(code)):
        print("it is really gone")

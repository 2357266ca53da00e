"""Workers that are killed, stopped or torn apart: nothing lost, nothing counted twice."""

import json
import os
import pty
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from optuna.trial import TrialState

from ccd import crew
from ccd.crew import told_by
from ccd.errors import DataError, Place, ResourceError
from ccd.files import write_json
from ccd.runs.signals import Halt
from ccd.search.journal import mend
from ccd.search.launch import begin, work
from ccd.search.storage import open_store
from ccd.search.studies import find_study
from ccd.search.study import LOST, OUTCOME, SLOT, Study, is_live
from ccd.search.summary import summarise
from ccd.search.worker import WORKER, Worker, leases_of
from tests.faults.processes import forked
from tests.search.conftest import SPACE, STUB, searched, train

ROOT = Path(__file__).parents[2]
SLOW = SPACE.replace("trials = 8", "trials = 24\n  retries = 50") + "StubTrainer.pause = 0.01\n"


SHORT = SLOW.replace("= 24", "= 10").replace("0.01", "0.02")


def fork(opened, prepared=None):
    """A worker in a process of its own, without the seconds that imports take.

    ``prepared`` is a worker that has loaded its data; only its storage is opened anew.
    """

    def work():
        with Halt() as halt:
            worker = prepared or Worker(opened.order, halt, lambda: None)
            store = open_store(opened.order.storage, opened.folder)
            worker.study = Study(store.backend, opened.study.name)
            worker.leases = leases_of(store, opened.study.name, worker.search.heartbeat)
            worker.halt = halt
            worker.work()

    return forked(work)


def assert_sound(opened, budget):
    """Every slot has exactly one trial that counts, and none is left running."""
    trials = find_study(opened.study.name, opened.order.storage).study.trials()
    live = Counter(t.user_attrs[SLOT] for t in trials if is_live(t))
    assert live == dict.fromkeys(range(budget), 1)
    assert not [t for t in trials if t.state == TrialState.RUNNING]
    return trials


def one_that_trains(opened, children):
    """Wait for a trial to be under way; the process that trains it, None where all are done."""
    while summarise(opened.study).complete < 24:
        running = [t for t in opened.study.trials() if t.state == TrialState.RUNNING]
        for worker in (t.user_attrs.get(WORKER, "@") for t in running):
            if (pid := worker.split("@")[0]) in map(str, children):
                return int(pid)
        time.sleep(0.005)
    return None


def test_killed_at_random_moments_20_times(write):
    opened = begin(write(SLOW))
    prepared = Worker(opened.order, Halt(), lambda: None)
    rng, children = random.Random(0), [fork(opened, prepared), fork(opened, prepared)]
    for kill in range(20):
        victim = None
        if kill % 4 == 0:  # some come while a trial trains, however slow the machine is
            victim = one_that_trains(opened, children)
        if victim is None:
            time.sleep(rng.uniform(0.0, 0.1))
            victim = children[0]
        children.remove(victim)
        os.kill(victim, signal.SIGKILL)
        os.waitpid(victim, 0)
        children.append(fork(opened, prepared))
    assert [os.waitstatus_to_exitcode(os.waitpid(c, 0)[1]) for c in children] == [0, 0]
    trials = assert_sound(opened, 24)
    assert any(t.user_attrs.get(OUTCOME) == LOST for t in trials)
    complete = [t for t in trials if t.state == TrialState.COMPLETE]
    # What a lost trial had chosen is what was tried again.
    for trial in trials:
        again = next(t for t in complete if t.user_attrs[SLOT] == trial.user_attrs[SLOT])
        assert trial.params.items() <= again.params.items()


def test_all_killed_and_resumed_is_as_if_nothing_had_happened(write):
    whole = searched(write(SHORT), name="whole")
    opened = begin(write(SHORT), name="killed")
    child = fork(opened)
    while summarise(opened.study).complete < 5:
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    train(begin(write(SHORT), name="killed"))
    trials = assert_sound(opened, 10)
    values = [
        {t.user_attrs[SLOT]: t.value for t in found if t.state == TrialState.COMPLETE}
        for found in (trials, whole.study.trials())
    ]
    assert values[0] == values[1]


def test_a_trial_that_kills_its_worker_is_given_up(write):
    opened = begin(write(SLOW.replace("retries = 50", "retries = 1").replace("0.01", "5.0")))
    for _ in range(2):
        child = fork(opened)
        before = len(opened.study.trials())
        while len(opened.study.trials()) == before:
            time.sleep(0.01)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    child = fork(opened)
    while not any(t.user_attrs[SLOT] == 1 for t in opened.study.trials()):
        time.sleep(0.01)
    os.kill(child, signal.SIGTERM)
    mine = [t for t in opened.study.trials() if t.user_attrs[SLOT] == 0]
    assert [t.user_attrs[OUTCOME] for t in mine] == [LOST, LOST]
    assert opened.study.settled() == 1
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_stop_ends_at_the_epoch_and_loses_one_trial_at_most(write, number):
    opened = begin(write(SHORT))
    child = fork(opened)
    while summarise(opened.study).complete < 3:
        time.sleep(0.01)
    os.kill(child, number)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    trials = opened.study.trials()
    assert not [t for t in trials if t.state == TrialState.RUNNING]
    assert sum(t.user_attrs.get(OUTCOME) == "stopped" for t in trials) <= 1
    train(opened)
    assert_sound(opened, 10)


def test_a_stop_from_elsewhere_is_heard_and_resume_clears_it(write):
    opened = begin(write(SHORT))
    child = fork(opened)
    while summarise(opened.study).complete < 3:
        time.sleep(0.01)
    find_study(opened.study.name, None).study.set("ccd:stop", True)
    os.waitpid(child, 0)
    assert summarise(opened.study).complete < 10
    train(begin(write(SHORT)))
    assert_sound(opened, 10)


@pytest.mark.parametrize("tail", [b'{"op_code":5,"wor', b"\0\0\0\n", b"{}x\n"])
def test_a_torn_last_line_of_the_journal_is_set_aside(write, tail):
    opened = searched(write(), trials=4)
    journal = opened.store.journal
    whole = journal.read_bytes()
    journal.write_bytes(whole + tail)
    again = searched(write(), trials=8)
    assert journal.read_bytes().startswith(whole + b"{")
    assert journal.with_name("journal.log.torn").read_bytes() == tail
    assert_sound(again, 8)


def test_a_line_torn_while_others_write_is_mended_by_the_next_writer(write):
    opened = searched(write(), trials=4)
    journal = opened.store.journal
    with journal.open("ab") as file:
        file.write(b'{"op_code":')
    opened.study.set("note", 1)
    assert json.loads(journal.read_bytes().splitlines()[-1])["user_attr"] == {"note": 1}
    assert not mend(journal)


def test_two_worker_processes_share_the_work(write, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    opened = begin(write(SLOW.replace("0.01", "0.2")), workers=2, trials=6)
    assert work(opened, 2, lambda: None) is None
    trials = assert_sound(opened, 6)
    assert len({t.user_attrs["ccd:worker"] for t in trials}) == 2


def test_a_killed_worker_process_is_replaced_but_not_for_ever(write, monkeypatch):
    begun = []

    def spawn(module, output, threads):
        begun.append(threads)
        suicide = "import os, signal; input(); os.kill(os.getpid(), signal.SIGKILL)"
        return subprocess.Popen(
            [sys.executable, "-c", suicide], stdin=subprocess.PIPE, stdout=output, text=True
        )

    monkeypatch.setattr(crew, "_spawn", spawn)
    with pytest.raises(ResourceError, match="6 workers were killed .* the last by signal 9"):
        work(begin(write(), workers=2), 2, lambda: None)
    assert 6 <= len(begun) <= 7


def test_a_worker_process_that_is_refused_says_why(tmp_path):
    log = tmp_path / "1-0.log"
    log.write_text("a warning\n")
    assert told_by(log, 1).where == (Place(str(log)),)
    given = DataError("no such file", where=tmp_path, hint="bring it")
    write_json(tmp_path / "1-0.refusal.json", given.to_json())
    refusal = told_by(log, 3)
    assert isinstance(refusal, DataError)
    assert refusal.to_json() == given.to_json()


def test_ctrl_c_stops_the_command_and_the_same_command_goes_on(write, here):
    slow = SLOW.replace("0.01", "0.05").replace("= 24", "= 12")
    write(slow)
    command = [sys.executable, "-m", "ccd", "search", "own.gin", "--allow-import", STUB]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    lines = []
    while sum("complete" in line for line in lines) < 3:
        lines.append(process.stdout.readline())
        assert lines[-1], process.stderr.read()
    process.send_signal(signal.SIGINT)
    rest, errors = process.communicate(timeout=30)
    assert process.returncode == 130, errors
    assert "to go on: ccd search resume own-planted" in rest
    assert (here / "runs/search/own-planted/best.gin").exists()
    again = begin(write(slow))
    assert 3 <= summarise(again.study).settled < 12
    train(again)
    assert_sound(again, 12)


def test_a_terminal_that_closes_stops_two_workers_in_good_order(write, here, monkeypatch):
    slow = SLOW.replace("0.01", "0.1")
    write(slow)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    words = ["-m", "ccd", "search", "own.gin", "--allow-import", STUB, "--workers", "2"]
    child, terminal = pty.fork()
    if not child:
        os.execv(sys.executable, [sys.executable, *words])
    shown = b""
    while shown.count(b"complete") < 3:
        shown += os.read(terminal, 1024)
    os.close(terminal)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code == 128 + signal.SIGHUP
    assert (here / "runs/search/own-planted/best.gin").exists()
    trials = find_study("own-planted", None).study.trials()
    assert not [t for t in trials if t.state == TrialState.RUNNING]
    assert sum(t.user_attrs.get(OUTCOME) == "stopped" for t in trials) <= 2
    assert not [t for t in trials if t.user_attrs.get(OUTCOME) == LOST]

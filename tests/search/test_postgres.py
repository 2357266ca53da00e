"""Studies in a real PostgreSQL server, which the tests start; skipped where there is none."""

import multiprocessing
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from optuna.trial import TrialState

from ccd.errors import ConfigError, ResourceError
from ccd.runs.signals import Halt
from ccd.search import launch
from ccd.search.launch import begin
from ccd.search.storage import open_store
from ccd.search.studies import find_study
from ccd.search.study import LOST, OUTCOME
from ccd.search.summary import summarise
from ccd.search.worker import Worker
from tests.search.conftest import SPACE, train
from tests.search.test_faults import assert_sound, fork

SLOW = SPACE + "Search.heartbeat = 0.2\nStubTrainer.pause = 0.02\n"
PAUSED = SLOW.replace("0.02", "0.2")


class Server:
    """A PostgreSQL server of one's own, on a free port, without syncing to disk."""

    def __init__(self):
        self.user = None
        if os.geteuid() == 0:  # the server refuses to run as root
            self.user = next(
                (u.pw_name for u in pwd.getpwall() if u.pw_name in ("postgres", "nobody")), None
            )
            if self.user is None:
                pytest.skip("PostgreSQL does not run as root, and there is no user 'postgres'")
        self.folder = Path(tempfile.mkdtemp(prefix="ccd-postgres-"))
        if self.user:
            shutil.chown(self.folder, self.user)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._run("initdb", "-D", "data", "-U", "ccd", "-A", "trust", "--no-sync")
        self.url = f"postgresql://ccd:secret@127.0.0.1:{self.port}/postgres"

    def start(self):
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c fsync=off -k {self.folder}"
        self._run("pg_ctl", "-D", "data", "-o", options, "-l", "log", "-w", "start")

    def stop(self):
        self._run("pg_ctl", "-D", "data", "-m", "immediate", "-w", "stop")

    def empty_database(self, name):
        """The address of a database that nobody has used."""
        import psycopg

        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self.url.removesuffix("postgres") + name

    def _run(self, *command):
        done = subprocess.run(
            command, cwd=self.folder, user=self.user, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def server():
    pytest.importorskip(
        "psycopg", reason="psycopg is not installed: pip install 'ccdrec[postgres]'"
    )
    for program in ("initdb", "pg_ctl"):
        if shutil.which(program) is None:
            pytest.skip(f"no PostgreSQL here: {program} is not on the path")
    made = Server()
    try:
        made.start()
        yield made
        made.stop()
    finally:
        shutil.rmtree(made.folder, ignore_errors=True)


def test_a_study_and_its_restart(write, server):
    opened = begin(write(), name="plain", storage=server.url)
    assert "secret" not in opened.store.text
    assert "secret" not in (opened.folder / "study.json").read_text()
    train(opened)
    train(begin(write(), name="plain", storage=server.url))
    assert len(assert_sound(opened, 8)) == 8
    assert summarise(find_study("plain", server.url).study).best is not None
    with pytest.raises(ConfigError, match="no study 'other'"):
        find_study("other", server.url)


@pytest.mark.parametrize("database", ["first", "second"])
def test_boxes_that_begin_an_empty_database_at_once(write, server, monkeypatch, database):
    url, source = server.empty_database(database), write()
    processes = multiprocessing.get_context("fork")
    start = processes.Barrier(4)

    def open_together(storage, folder):
        start.wait(30)
        return open_store(storage, folder)

    def box():
        monkeypatch.setattr(launch, "open_store", open_together)
        begin(source, name="together", storage=url)

    boxes = [processes.Process(target=box) for _ in range(4)]
    for one in boxes:
        one.start()
    for one in boxes:
        one.join(60)
    assert [one.exitcode for one in boxes] == [0] * 4
    opened = find_study("together", url)
    assert [study.study_name for study in opened.store.backend.get_all_studies()] == ["together"]
    assert opened.study.budget == 8


def test_a_killed_workers_trial_is_found_by_its_silence(write, server):
    opened = begin(write(PAUSED), name="killed", storage=server.url, trials=3)
    victim = fork(opened)
    while not opened.study.trials():
        time.sleep(0.02)
    os.kill(victim, signal.SIGKILL)
    os.waitpid(victim, 0)
    survivors = begin(write(PAUSED), name="killed", storage=server.url)
    began = time.monotonic()
    Worker(survivors.order, Halt(), lambda: None).work()
    trials = assert_sound(opened, 3)
    lost = [t for t in trials if t.user_attrs.get(OUTCOME) == LOST]
    assert [t.number for t in lost] == [0]
    assert time.monotonic() - began < 60


def test_two_workers_and_a_server_that_restarts(write, server):
    opened = begin(write(SLOW), name="restarted", storage=server.url)
    children = [fork(opened), fork(opened)]
    while summarise(opened.study).complete < 2:
        time.sleep(0.05)
    server.stop()
    time.sleep(0.5)
    server.start()
    assert [os.waitstatus_to_exitcode(os.waitpid(c, 0)[1]) for c in children] == [0, 0]
    trials = assert_sound(opened, 8)
    assert sum(t.state == TrialState.COMPLETE for t in trials) == 8
    assert not [t for t in trials if t.user_attrs.get(OUTCOME) == LOST]


def test_a_server_that_is_not_there_is_one_sentence(write):
    pytest.importorskip(
        "psycopg", reason="psycopg is not installed: pip install 'ccdrec[postgres]'"
    )
    with pytest.raises(
        ResourceError, match=r"--storage postgresql://ccd:\*\*\*@127.0.0.1:1/x cannot"
    ):
        begin(write(), storage="postgresql://ccd:secret@127.0.0.1:1/x")

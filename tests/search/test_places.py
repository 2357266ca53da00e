"""A study is where its folder is: moved, copied, renamed, cut short, or seen from elsewhere."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import optuna
import pytest

from ccd import crew
from ccd.errors import ConfigError, DamagedFileError
from ccd.runs.signals import Halt, StoppedAtOnce
from ccd.search import launch
from ccd.search.launch import begin, work
from ccd.search.names import default_name
from ccd.search.storage import open_store
from ccd.search.studies import find_study
from ccd.search.summary import summarise
from ccd.search.target import Source, Target
from tests.cli.test_search import call  # noqa: F401 - a fixture
from tests.search.conftest import STUB, searched, train

ROOT = Path(__file__).parents[2]
HOME = Path("runs/search")


def goes_on(word, trials):
    """What ``ccd search resume WORD --trials N`` does."""
    found = find_study(word, None)
    train(begin(found.order.source, name=found.study.name, folder=found.folder, trials=trials))


def complete(word):
    return summarise(find_study(word, None).study).complete


def journals(here):
    return sorted(str(path.relative_to(here)) for path in here.rglob("journal.log"))


def test_a_moved_study_goes_on_where_it_is(write, here):
    searched(write(), name="s", trials=2)
    (here / "runs/search/s").rename(here / "moved")
    goes_on("moved", 3)
    assert complete("moved") == 3
    assert journals(here) == ["moved/journal.log"]
    assert not (here / "runs/search/s").exists()


def test_a_copy_is_a_study_of_its_own(write, here):
    searched(write(), name="s", trials=2)
    shutil.copytree(HOME / "s", "copy")
    goes_on("copy", 4)
    assert (complete("copy"), complete("s")) == (4, 2)


def test_a_study_is_resumed_from_another_folder(write, here, monkeypatch):
    source = write()
    recipe = here / source.recipe
    searched(Source(str(recipe), allow_imports=(STUB,)), name="s", trials=2)
    (here / "elsewhere").mkdir()
    monkeypatch.chdir(here / "elsewhere")
    goes_on(str(here / "runs/search/s"), 3)
    assert complete(str(here / "runs/search/s")) == 3
    assert not list((here / "elsewhere").iterdir())


def test_a_renamed_folder_is_found_by_both_names_and_takes_no_second_study(write, here):
    searched(write(), name="s", trials=2)
    (HOME / "s").rename(HOME / "renamed")
    assert complete("s") == complete("renamed") == 2
    assert find_study("s", None).word == "runs/search/renamed"
    with pytest.raises(ConfigError, match="this folder holds the study 's', not one of the name"):
        begin(write(), name="renamed")


def test_a_name_that_several_folders_hold_is_refused(write, here):
    searched(write(), name="s", trials=1)
    shutil.copytree(HOME / "s", HOME / "a")
    assert find_study("s", None).folder == HOME / "s"
    (HOME / "s").rename(HOME / "b")
    with pytest.raises(ConfigError, match=r"several folders hold a study 's'(.|\n)*search/b"):
        find_study("s", None)


def test_the_command_that_goes_on_names_the_folder(call, here):  # noqa: F811
    assert call("own.gin", "--allow-import", STUB, "--study", "s", "--trials", "2").exit_code == 0
    (HOME / "s").rename("moved")
    said = call("stop", "moved").output
    assert "to go on: ccd search resume moved" in said
    assert "to go on: ccd search resume moved" in call("status", "moved").output
    said = call("resume", "moved", "--trials", "3").output
    assert "study s: 2 of 3 trials done" in said
    assert "--with moved/best.gin" in said


def test_a_journal_that_was_cut_short_is_said(call, here):  # noqa: F811
    assert call("own.gin", "--allow-import", STUB, "--study", "s", "--trials", "4").exit_code == 0
    journal = HOME / "s/journal.log"
    whole = journal.read_bytes()
    assert "note" not in call("status", "s").stderr
    lines = whole.splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[: len(lines) // 2]))
    missing = len(whole) - journal.stat().st_size
    for words in (["status", "s"], ["status"], ["best", "s"], ["resume", "s"]):
        assert f"cut short: its last {missing} bytes are missing" in call(*words).stderr
    assert "4 of 4: 4 complete" in call("status", "s").output
    assert "note" not in call("status", "s").stderr  # it has been written to since


def test_a_torn_line_is_said_too(call, here):  # noqa: F811
    assert call("own.gin", "--allow-import", STUB, "--study", "s", "--trials", "1").exit_code == 0
    with (HOME / "s/journal.log").open("ab") as file:
        file.write(b'{"op_code')
    said = call("status", "s").stderr
    assert "its last line was torn by a crash (9 bytes) and is set aside in journal.log.to" in said


@pytest.mark.parametrize("left", [None, b""])
def test_a_study_without_its_journal_is_not_called_unknown(write, here, left):
    searched(write(), name="s-planted", trials=1)
    journal = HOME / "s-planted/journal.log"
    journal.unlink()
    if left is not None:
        journal.write_bytes(left)
    with pytest.raises(DamagedFileError, match="the journal of study 's-planted' is missing, or"):
        find_study("s-planted", None)


def test_a_study_of_another_program_is_not_called_unknown(here):
    optuna.create_study(storage=open_store("journal:all.log", here).backend, study_name="s")
    with pytest.raises(ConfigError, match="study 's' in all.log does not say what it searches"):
        find_study("s", "journal:all.log")


@pytest.mark.parametrize("name", ["a/b", ".a", "", "a\nb", "a\x1b[2J", "x" * 101])
def test_a_name_that_no_folder_can_have_is_refused(write, name):
    if name:
        with pytest.raises(ConfigError, match="the name of a study is the name of its folder"):
            begin(write(), name=name)


@pytest.mark.parametrize("name", ["a/b", "../x", "my data", "<b>", "n" * 300])
def test_any_data_set_gives_a_study_a_name(write, here, monkeypatch, name):
    target = Target(write())
    monkeypatch.setattr(Target, "recipe", target.recipe, raising=False)
    object.__setattr__(target.recipe, "dataset", name)
    made = default_name(target)
    assert made.startswith("own-")
    launch.refuse_name(made)


def test_workers_import_nothing_from_the_current_folder(write, here, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    for name in ("json", "optuna", "gin", "torch", "numpy", "ccd"):
        (here / f"{name}.py").write_text("open('executed', 'a').write(__name__)\nraise OSError\n")
    opened = begin(write(), workers=2, trials=2)
    work(opened, 2, lambda: None)
    assert not (here / "executed").exists()
    assert summarise(opened.study).complete == 2


def test_workers_find_the_ccd_that_starts_them(write, here, monkeypatch):
    monkeypatch.delenv("PYTHONPATH", raising=False)
    with (here / "log").open("w") as log:
        worker = crew._spawn("ccd.search.worker", log, 1)
        assert worker.stdin is not None
        worker.stdin.close()
        worker.wait()
    assert "in as_worker" in (here / "log").read_text()  # it was given no order


def test_no_child_process_is_started_with_the_current_folder_on_its_path():
    for path in (ROOT / "ccd").rglob("*.py"):
        assert '"-m"' not in path.read_text(), path


def test_the_second_signal_stops_at_once_and_is_known_by_the_first():
    def ask_twice():
        with Halt():
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)

    with pytest.raises(StoppedAtOnce) as stopped:
        ask_twice()
    assert stopped.value.number == signal.SIGTERM


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_search_that_is_told_twice_to_stop_exits_with_the_signals_code(
    write, here, workers, number
):
    write("StubTrainer.pause = 20.0\nSearch.space = {'StubTrainer.quality': [0.1, 0.2]}\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "ccd", "search", "own.gin", "--allow-import", STUB,
         "--workers", workers],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while not (HOME / "own-planted/study.json").exists():
        time.sleep(0.1)
    study = find_study("own-planted", None).study
    while not any("ccd:bindings" in trial.user_attrs for trial in study.trials()):
        time.sleep(0.05)
    for _ in range(2):
        process.send_signal(number)
        time.sleep(0.5)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 128 + number, errors
    assert "Traceback" not in errors

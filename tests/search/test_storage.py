"""Addresses of storages, and who is alive in one that has no locks."""

import importlib.util
import time

import optuna
import pytest

from ccd.errors import ConfigError, DamagedFileError, ResourceError
from ccd.search.launch import begin
from ccd.search.leases import BEAT, MISSES, BeatLeases, FileLeases
from ccd.search.storage import open_store
from ccd.search.studies import find_study
from ccd.search.study import DUPLICATE, LOST, OUTCOME, SLOT, Study, create_study
from ccd.search.summary import summarise
from ccd.search.worker import leases_of
from tests.faults.processes import ended, forked
from tests.search.conftest import train


def test_unknown_addresses_are_refused_without_their_password(here):
    with pytest.raises(ConfigError, match=r"'ftp://me:\*\*\*@host'; write postgres"):
        open_store("ftp://me:secret@host", here)
    if importlib.util.find_spec("redis") is None:
        with pytest.raises(ResourceError, match="pip install 'ccdrec\\[redis\\]'"):
            open_store("redis://localhost", here)


@pytest.mark.parametrize(
    "secret", ["//me:se@cret@host/x", "//host/x?user=me&password=secret", "//me:s:e@cret@h"]
)
def test_no_part_of_a_password_is_shown(here, secret):
    with pytest.raises(ConfigError) as refusal:
        open_store(f"ftp:{secret}", here)
    assert "cret" not in str(refusal.value)


def test_a_file_that_is_no_journal_is_left_alone(here):
    (here / "notes.txt").write_text("mine\nlast line")
    with pytest.raises(ConfigError, match="is no journal of a study\n  notes.txt"):
        open_store("journal:notes.txt", here)
    assert (here / "notes.txt").read_text() == "mine\nlast line"
    assert len(list(here.iterdir())) == 1


@pytest.mark.parametrize("head", [b"", b'{"op_', b"\0\0\0", b"\0\0\n"])
def test_a_journal_torn_in_its_first_line_begins_anew(here, head):
    (here / "journal.log").write_bytes(head)
    assert open_store(None, here).backend.get_all_studies() == []


def test_a_journal_that_is_damaged_in_the_middle_is_refused(write, here):
    opened = begin(write(), trials=1)
    train(opened)
    lines = opened.store.journal.read_bytes().splitlines(keepends=True)
    opened.store.journal.write_bytes(b"".join([lines[0], b"###\n", *lines[1:]]))
    with pytest.raises(DamagedFileError, match=r"damaged before its last line.*\n.*journal.log"):
        open_store(None, opened.folder)


def test_a_full_disk_is_a_refusal(write, monkeypatch):
    opened = begin(write(), trials=1)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("optuna.storages.journal.JournalFileBackend.append_logs", full)
    with pytest.raises(ResourceError, match=r"No space left on device\n.*journal.log"):
        train(opened)


def test_looking_for_a_study_makes_no_journal(here):
    with pytest.raises(ConfigError, match="no study 's' in journal:typo/all.log"):
        find_study("s", "journal:typo/all.log")
    assert not list(here.iterdir())


def test_sqlite_is_for_one_worker(write, here):
    url = f"sqlite:///{here / 'study.db'}"
    with pytest.raises(ConfigError, match="SQLite .* takes one worker, got --workers 2"):
        begin(write(), storage=url, workers=2)
    opened = begin(write(), storage=url, trials=3)
    train(opened)
    assert summarise(opened.study).complete == 3


def test_several_starts_on_a_new_sqlite_file_all_open_it(here):
    at = time.time() + 0.3

    def start():
        time.sleep(max(0.0, at - time.time()))
        store = open_store(f"sqlite:///{here / 'new.db'}", here)
        optuna.create_study(storage=store.backend, study_name="s", load_if_exists=True)

    children = [forked(start) for _ in range(6)]
    assert [ended(child) for child in children] == [0] * 6
    assert len(open_store(f"sqlite:///{here / 'new.db'}", here).backend.get_all_studies()) == 1


def test_a_sqlite_file_that_cannot_be_made_is_no_server(here):
    with pytest.raises(ResourceError, match="unable to open .*; check that its folder exists"):
        open_store(f"sqlite:///{here / 'none' / 'new.db'}", here)


def test_a_journal_may_lie_anywhere_and_hold_several_studies(write, here):
    for name in ("a", "b"):
        opened = begin(write(), storage="journal:shared/all.log", name=name, trials=2)
        train(opened)
        assert summarise(opened.study).complete == 2
    assert (here / "shared" / "all.log.leases" / "b").is_dir()


def test_a_link_to_a_journal_is_the_same_study_with_the_same_leases(write, here):
    (here / "disk").mkdir()
    (here / "linked").symlink_to("disk")
    (here / "link.log").symlink_to("linked/all.log")  # before the journal itself is there
    urls = "journal:disk/all.log", "journal:link.log", "journal:linked/all.log"
    opened = [begin(write(), storage=url, name="s", trials=2) for url in urls]
    leases = [leases_of(one.store, "s", 1.0) for one in opened]
    claims = [opened[at].study.claim(leases[at], nothing) for at in (1, 0)]
    assert [claim.slot for claim in claims] == [0, 1]
    assert opened[2].study.claim(leases[2], nothing) is None
    assert not list(here.glob("link.log.*"))


def test_a_linked_or_moved_folder_of_a_study_is_that_study(write, here):
    train(begin(write(), name="s", trials=2))
    (here / "runs/search/nick").symlink_to("s")
    assert (
        find_study("nick", None).study.name
        == find_study("runs/search/nick", None).study.name
        == "s"
    )
    (here / "runs/search/s").rename(here / "moved")
    assert summarise(find_study("moved", None).study).complete == 2


def test_a_slot_has_one_holder(tmp_path):
    leases = FileLeases(tmp_path)
    first = leases.take(3)
    assert FileLeases(tmp_path).take(3) is None
    assert leases.take(4) is not None
    first.release()
    assert FileLeases(tmp_path).take(3) is not None


@pytest.fixture
def study():
    storage = optuna.storages.InMemoryStorage()
    attributes = {"ccd:identity": {}, "ccd:budget": 2, "ccd:retries": 1}
    return create_study(storage, "s", ["maximize"], attributes)


def nothing(_):
    return {}, {}


def test_two_that_claim_a_slot_at_once_are_told_apart(study, monkeypatch):
    leases = BeatLeases(study.storage, 0.0)
    first = study.claim(leases, nothing)
    assert first.slot == 0
    # The second has looked before the first had begun.
    views, honest = [{}, {}], Study.by_slot
    monkeypatch.setattr(Study, "by_slot", lambda self: views.pop() if views else honest(self))
    assert study._begin(0, leases, nothing) is None
    assert [t.user_attrs.get(OUTCOME) for t in study.trials()] == [None, DUPLICATE]
    assert study.claim(leases, nothing).slot == 1


def test_silence_is_death_and_retries_end(study):
    leases = BeatLeases(study.storage, 0.0)
    claim = study.claim(leases, nothing)
    trial = study.storage.get_trial(claim.trial_id)
    assert not leases.is_dead(trial)
    study.storage.set_trial_user_attr(claim.trial_id, BEAT, 7)
    trial = study.storage.get_trial(claim.trial_id)
    assert [leases.is_dead(trial) for _ in range(MISSES + 1)] == [False] * MISSES + [True]
    claims = [study.claim(leases, nothing) for _ in range(20)]
    slots = [t.user_attrs[SLOT] for t in study.trials() if t.user_attrs.get(OUTCOME) == LOST]
    assert slots.count(0) == slots.count(1) == 2  # once and one retry each
    assert study.settled() == 2
    assert claims[-1] is None

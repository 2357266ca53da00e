import errno
import json
import os

import pytest

from ccd import files
from ccd.errors import DamagedFileError, ResourceError


def test_replacing_leaves_the_old_file_when_the_block_fails(tmp_path):
    path = tmp_path / "a.txt"
    files.write_text(path, "old")

    def write_half():
        with files.replacing(path) as temporary:
            temporary.write_text("half of the n")
            raise RuntimeError("crash")

    with pytest.raises(RuntimeError):
        write_half()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_crash_between_write_and_rename_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    files.write_text(path, "old")

    def crash(source, target):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", crash)
    with pytest.raises(KeyboardInterrupt):
        files.write_text(path, "new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EDQUOT])
def test_full_or_read_only_disk_is_a_refusal_that_names_the_file(tmp_path, monkeypatch, code):
    def fail(source, target):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(ResourceError, match=os.strerror(code) + r"\n.*table\.md"):
        files.write_text(tmp_path / "table.md", "x")
    assert os.listdir(tmp_path) == []


def test_append_line_on_a_full_disk_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "results.jsonl"
    files.append_line(path, {"a": 1})
    real_write = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: real_write(handle, data[:4]))
    with pytest.raises(ResourceError, match=r"results\.jsonl"):
        files.append_line(path, {"b": 2})
    monkeypatch.undo()
    assert path.read_text() == '{"a": 1}\n'


def test_append_and_read_give_the_records_back(tmp_path):
    path = tmp_path / "history.jsonl"
    records = [{"variant": "FREEDOM+DMA ±", "loss": 0.1}, {"variant": "x", "best": float("-inf")}]
    for record in records:
        files.append_line(path, record)
    assert files.read_lines(path) == [records[0], {"variant": "x", "best": None}]
    assert all(json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize("name", ["folder", "y" * 300])
def test_what_cannot_be_read_is_a_refusal_that_names_it(tmp_path, name):
    (tmp_path / "folder").mkdir()
    for read in (files.read_json, files.read_lines):
        with pytest.raises(ResourceError, match=f"cannot read this: .*\n.*{name}"):
            read(tmp_path / name)


def test_a_place_that_cannot_be_is_no_full_disk(tmp_path):
    for path in (tmp_path / "no/file", tmp_path / ("y" * 300)):
        with pytest.raises(ResourceError) as caught:
            files.write_text(path, "x")
        assert "disk" not in str(caught.value)


@pytest.mark.parametrize("torn", [b'{"a": 3, "b', b'{"a": 3}', b"\n", b"\xff\xfe{\n"])
def test_torn_last_line_is_ignored_on_read_and_set_aside_on_repair(tmp_path, torn):
    path = tmp_path / "history.jsonl"
    whole = b'{"a": 1}\n{"a": 2}\n'
    path.write_bytes(whole + torn)
    assert files.read_lines(path) == [{"a": 1}, {"a": 2}]
    note = files.repair_lines(path)
    assert note is not None
    assert "history.jsonl" in note
    assert f"{len(torn)} bytes" in note
    assert path.read_bytes() == whole
    assert (tmp_path / "history.jsonl.torn").read_bytes() == torn
    assert files.repair_lines(path) is None


def test_damaged_line_in_the_middle_is_refused_with_its_number(tmp_path):
    path = tmp_path / "results.jsonl"
    path.write_text('{"a": 1}\n[1, 2]\n{"a": 2}\n')
    with pytest.raises(DamagedFileError, match=r"results\.jsonl:2"):
        files.read_lines(path)


@pytest.mark.parametrize(
    "content",
    ["{", "[1]", "", '{"a": NaN}', '{"a": -Infinity}', "[" * 200_000, '{"a": "\\ud800"}'],
)
def test_read_json_refuses_what_is_no_object(tmp_path, content):
    path = tmp_path / "manifest.json"
    path.write_text(content)
    with pytest.raises(DamagedFileError, match=r"manifest\.json"):
        files.read_json(path)


def test_json_nested_without_end_is_damaged(tmp_path):
    deep = b'{"a": ' + b"[" * 200_000 + b"]" * 200_000 + b"}\n"
    path = tmp_path / "deep.json"
    path.write_bytes(deep)
    with pytest.raises(DamagedFileError, match="this file is not JSON"):
        files.read_json(path)
    path.write_bytes(deep + b"{}\n")
    with pytest.raises(DamagedFileError, match="this line is not a JSON object"):
        files.read_lines(path)

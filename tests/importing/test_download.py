"""Downloads from a server on this machine, which breaks off, lies and does not go on."""

from __future__ import annotations

import hashlib
import io
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from typer.testing import CliRunner

from ccd.cli.data import data
from ccd.errors import ConfigError, DamagedFileError, ResourceError
from ccd.importing.download import get_files
from ccd.importing.homes import Home, HomeFile, find_home, home_names

CONTENT = bytes(range(256)) * 4000


class Server:
    """Serves ``files``, and notes what was asked for.

    Attributes:
        cut: After so many bytes of each answer the connection ends; 0 for never.
        goes_on: Whether it knows ``Range``.
    """

    def __init__(self) -> None:
        self.files = {"/data.bin": CONTENT}
        self.cut, self.goes_on = 0, True
        self.ranges: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                whole, asked = outer.files.get(self.path), self.headers.get("Range", "")
                outer.ranges.append(asked)
                if whole is None:
                    self.send_error(404)
                    return
                start = int(asked[6:-1]) if asked and outer.goes_on else 0
                if start >= len(whole):
                    self.send_response(416)
                    self.send_header("Content-Range", f"bytes */{len(whole)}")
                    self.end_headers()
                    return
                self.send_response(206 if start else 200)
                self.send_header("Content-Length", str(len(whole) - start))
                self.end_headers()
                sent = whole[start:][: outer.cut or None]
                self.wfile.write(sent)

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def home(self, name: str = "data.bin", content: bytes = CONTENT) -> Home:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        return Home("x", (HomeFile(name, f"{self.address}/{name}", digest),), "nobody")


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.http.shutdown()
    made.http.server_close()


def test_a_file_is_fetched_once(server, tmp_path):
    shares: list[float] = []
    get_files(server.home(), tmp_path, progress=lambda _, share: shares.append(share))
    assert (tmp_path / "data.bin").read_bytes() == CONTENT
    assert shares[-1] == 1.0
    get_files(server.home(), tmp_path)
    assert server.ranges == [""]
    assert [path.name for path in tmp_path.iterdir()] == ["data.bin"]


def test_a_broken_download_goes_on(server, tmp_path):
    server.cut = 400_000
    get_files(server.home(), tmp_path)
    assert (tmp_path / "data.bin").read_bytes() == CONTENT
    assert server.ranges == ["", "bytes=400000-", "bytes=800000-"]


def test_a_later_call_goes_on_too(server, tmp_path):
    server.cut = 100_000
    with pytest.raises(ResourceError, match="cannot download"):
        get_files(server.home(), tmp_path)
    kept = (tmp_path / "data.bin.part").stat().st_size
    assert kept == 400_000
    assert not (tmp_path / "data.bin").exists()
    server.cut, server.ranges = 0, []
    get_files(server.home(), tmp_path)
    assert server.ranges == ["bytes=400000-"]
    assert (tmp_path / "data.bin").read_bytes() == CONTENT


def test_a_whole_part_is_taken(server, tmp_path):
    (tmp_path / "data.bin.part").write_bytes(CONTENT)
    get_files(server.home(), tmp_path)
    assert (tmp_path / "data.bin").read_bytes() == CONTENT


def test_a_server_that_does_not_go_on_sends_all_again(server, tmp_path):
    (tmp_path / "data.bin.part").write_bytes(b"half")
    server.goes_on = False
    get_files(server.home(), tmp_path)
    assert (tmp_path / "data.bin").read_bytes() == CONTENT


def test_another_file_is_set_aside(server, tmp_path):
    with pytest.raises(DamagedFileError, match="not the file that was published"):
        get_files(server.home(content=b"other"), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["data.bin.wrong"]


def test_no_server_is_a_refusal(server, tmp_path):
    with pytest.raises(ResourceError, match="404"):
        get_files(server.home("gone.bin"), tmp_path)
    server.http.shutdown()
    server.http.server_close()
    with pytest.raises(ResourceError, match="--from-dir"):
        get_files(server.home(), tmp_path)


def archive(*members: tuple[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members:
            packed.writestr(name, content)
    return made.getvalue()


def test_archives_are_unpacked_below_the_folder_only(server, tmp_path):
    good = archive(("ml/ratings.dat", b"1::2::5::3\n"), ("ml/README", b"read"))
    server.files["/good.zip"] = good
    get_files(server.home("good.zip", good), tmp_path / "a")
    assert (tmp_path / "a" / "ml" / "ratings.dat").read_bytes() == b"1::2::5::3\n"
    for name in ("../evil", "/evil", "a/../../evil"):
        bad = archive((name, b"evil"))
        server.files["/bad.zip"] = bad
        with pytest.raises(DamagedFileError, match="not unpacked"):
            get_files(server.home("bad.zip", bad), tmp_path / name.replace("/", "_"))
    assert not list(tmp_path.rglob("evil"))
    server.files["/cut.zip"] = good[:-10]
    with pytest.raises(DamagedFileError, match="damaged"):
        get_files(server.home("cut.zip", good[:-10]), tmp_path / "c")


def test_without_a_network_from_a_folder(tmp_path):
    (tmp_path / "mine").mkdir()
    for name in ("tiktok.inter", "image_feat.npy", "audio_feat.npy"):
        (tmp_path / "mine" / name).write_bytes(b"content")
    words = ["get", "tiktok", "--out", str(tmp_path / "tiktok"), "--from-dir"]
    answer = CliRunner().invoke(data, [*words, str(tmp_path / "mine")])
    assert answer.exit_code == 0, answer.exception
    assert "next: ccd data check tiktok" in answer.stdout
    assert (tmp_path / "tiktok" / "audio_feat.npy").read_bytes() == b"content"
    answer = CliRunner().invoke(data, ["get", "tiktok", "--out", str(tmp_path / "other")])
    assert isinstance(answer.exception, ConfigError)
    assert "--from-dir DIR" in str(answer.exception)


def test_every_home_is_complete():
    for name in home_names():
        home = find_home(name)
        assert home.name == name
        assert all(file.url.startswith("https://") or home.by_hand for file in home.files)
        assert home.terms
        assert home.use
    with pytest.raises(ConfigError, match="ml-1m"):
        find_home("ml-1mm")


@pytest.mark.real
def test_babys_checksum_is_that_of_the_real_file(real_data, tmp_path):
    (baby,) = (file for file in find_home("baby").files if file.digest)
    digest = hashlib.sha256((real_data / "baby" / baby.name).read_bytes()).hexdigest()
    assert baby.digest == f"sha256:{digest}"

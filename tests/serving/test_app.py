"""The service: answers, bounds, tokens, figures, and reloading while it serves."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx2 as httpx
import pytest
from fastapi.testclient import TestClient

from ccd.errors import ConfigError
from ccd.finished.runs import choose_run
from ccd.serving.app import make_app
from ccd.serving.export import export
from ccd.serving.holder import Holder
from ccd.serving.lists import Lists
from ccd.serving.server import run_server
from ccd.serving.vectors import open_vectors


@pytest.fixture
def client(exported):
    with TestClient(make_app(Holder(exported, every=60))) as client:
        yield client


def items(answer):
    assert answer.status_code == 200, answer.text
    return [[item["item"] for item in found["items"]] for found in answer.json()["lists"]]


def test_one_user_and_many(client, exported):
    lists = Lists(open_vectors(exported))
    expected = [[str(i) for i in lists.for_user(user, 4).items] for user in ("7", "2")]
    assert items(client.get("/recommend", params={"user": "7", "k": 4})) == expected[:1]
    assert items(client.post("/recommend", json={"users": ["7", "2"], "k": 4})) == expected


def test_histories_and_unknown_users(client, exported):
    lists = Lists(open_vectors(exported))
    history = [str(i) for i in lists.for_history(["1", "2"], 3).items]
    assert items(client.get("/recommend?history=1&history=2&k=3")) == [history]
    answer = client.post("/recommend", json={"users": ["x"], "k": 3, "unknown": "popular"})
    assert items(answer) == [[str(i) for i in lists.popular(3).items]]
    assert answer.json()["lists"][0]["made_from"] == "popular"


def test_similar(client, exported):
    expected = Lists(open_vectors(exported)).similar("8", 2).items
    assert items(client.get("/similar?item=8&k=2")) == [[str(i) for i in expected]]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"users": ["nobody"]}, 422),
        ({"users": ["1"], "k": 0}, 422),
        ({"users": ["1"], "k": 1001}, 422),
        ({"users": ["1"] * 1001}, 422),
        ({"users": ["1"], "history": ["2"]}, 422),
        ({}, 422),
        ({"users": ["1"], "typo": 1}, 422),
        ({"users": ["x" * (1 << 20)]}, 413),
    ],
)
def test_what_is_wrong_is_refused_with_the_reason(client, body, status):
    answer = client.post("/recommend", json=body)
    assert answer.status_code == status
    assert answer.json()["detail"]
    assert client.get("/healthz").json()["status"] == "ok"


def test_a_body_without_a_length_is_bounded_too(client):
    parts = (b"[" * 65536 for _ in range(20))
    assert client.post("/recommend", content=parts).status_code == 413


def test_a_token(exported):
    with TestClient(make_app(Holder(exported, every=60), token="s" * 20)) as client:
        assert client.get("/recommend?user=1").status_code == 401
        wrong = {"Authorization": "Bearer nothing"}
        assert client.get("/similar?item=1", headers=wrong).status_code == 401
        right = {"Authorization": f"Bearer {'s' * 20}"}
        assert client.get("/recommend?user=1", headers=right).status_code == 200
        assert client.get("/healthz").status_code == 200


def test_figures_for_prometheus(client):
    client.get("/recommend?user=1")
    client.get("/recommend?user=nobody")
    client.get("/anything/at/all")
    text = client.get("/metrics").text
    assert 'ccd_requests_total{path="/recommend",status="200"} 1.0' in text
    assert 'ccd_requests_total{path="/recommend",status="422"} 1.0' in text
    assert 'path="other",status="404"' in text
    assert "anything" not in text
    assert "ccd_model_reload_failing 0.0" in text


def test_a_new_export_is_loaded_and_a_damaged_one_is_not(finished_folder, exported, tmp_path):
    folder = shutil.copytree(exported, tmp_path / "export")
    holder = Holder(folder, every=60)
    client = TestClient(make_app(holder))
    before = client.get("/healthz").json()["model"]
    assert not holder.refresh()
    (folder / "users.parquet").write_bytes(b"torn")
    os.utime(folder / "export.json")
    assert not holder.refresh()
    assert "users.parquet" in client.get("/healthz").json()["problem"]
    assert len(items(client.get("/recommend?user=1"))) == 1
    export(choose_run(finished_folder, "FREEDOM", 2), folder)
    assert holder.refresh()
    after = client.get("/healthz").json()
    assert after["model"].startswith("FREEDOM, seed 2") != before.startswith("FREEDOM, seed 2")
    assert after["problem"] is None


def test_short_tokens_and_other_folders_are_refused(exported, tmp_path):
    settings = {"host": "127.0.0.1", "port": 0, "workers": 1, "reload_seconds": 5.0}
    with pytest.raises(ConfigError, match="no exported folder"):
        run_server(tmp_path, **settings, token_file=None)
    token = tmp_path / "token"
    token.write_text("short\n")
    with pytest.raises(ConfigError, match="at least 16 characters"):
        run_server(exported, **settings, token_file=token)


def free_port():
    import socket

    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def start(folder, port, *options):
    command = [sys.executable, "-m", "ccd", "serve", str(folder), "--port", str(port)]
    process = subprocess.Popen([*command, *options], stderr=subprocess.PIPE)
    for _ in range(200):
        try:
            httpx.get(f"http://127.0.0.1:{port}/healthz").raise_for_status()
            return process
        except httpx.HTTPError:
            time.sleep(0.1)
    process.kill()
    raise AssertionError(process.communicate()[1].decode())


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="reads /proc")
def test_the_process_has_no_torch_and_ends_with_sigterm(exported):
    port = free_port()
    process = start(exported, port)
    try:
        answer = httpx.get(f"http://127.0.0.1:{port}/recommend?user=1&k=3")
        assert len(items(answer)[0]) == 3
        loaded = Path(f"/proc/{process.pid}/maps").read_text()
        assert "libtorch" not in loaded
        assert "libdgl" not in loaded
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="reads /proc")
def test_a_killed_worker_is_replaced(exported):
    port = free_port()
    process = start(exported, port, "--workers", "2")
    try:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        workers = [
            pid for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]
        assert len(workers) == 2
        os.kill(int(workers[0]), signal.SIGKILL)
        answered = 0
        for _ in range(100):
            try:
                httpx.get(f"http://127.0.0.1:{port}/healthz").raise_for_status()
                answered += 1
            except httpx.HTTPError:  # in flight at the kill
                pass
            time.sleep(0.05)
        assert answered >= 98
        again = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        assert len(set(again) - set(children)) == 1
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)

"""The service under load: latency, requests per second and failures, on loopback.

    python tools/load_service.py --items 10000 --seconds 60
    python tools/load_service.py --items 1000000 --index --seconds 600 --reload --kill

Needs wrk (Debian: apt-get install wrk). Exports of random vectors are written, 'ccd serve' is
started on one, and wrk asks for the lists of random users over connections that are kept open. With
--reload, the other export takes the place of the first after a third of the time; with --kill, a
worker is killed after two thirds. Each connection has one request under way, so a killed worker may
fail as many as it has connections.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
from scipy import sparse

from ccd.beside import replacing_folder
from ccd.files import file_hash, write_json
from ccd.runs.sealed import sealed
from ccd.serving import layout
from ccd.serving.index import write_index

SCRIPT = """
request = function()
  return wrk.format("GET", "/recommend?k=10&user=" .. math.random(0, N_USERS - 1))
end
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("p50 %.2f ms, p99 %.2f ms, largest %.0f ms, %.0f requests/s, ",
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3,
    summary.requests / (summary.duration / 1e6)))
  io.write(string.format("%d answered; failed: ", summary.requests))
  io.write(string.format("%d by status, %d connect, %d read, %d write, %d late",
    e.status, e.connect, e.read, e.write, e.timeout))
end
"""


def export(folder: Path, given: argparse.Namespace, seed: int, index: Path | None) -> None:
    """An export as 'ccd export' lays it, of random vectors."""
    n_users, n_items, dim = given.users, given.items, given.dim
    rng = np.random.default_rng(seed)
    # The index is built once, so the items' vectors are those of all exports; users' differ.
    items = np.random.default_rng(0).standard_normal((n_items, dim), dtype=np.float32)
    users = rng.standard_normal((n_users, dim), dtype=np.float32)
    places = np.repeat(np.arange(n_users), 10), rng.integers(n_items, size=10 * n_users)
    seen = sparse.csr_matrix((np.ones(10 * n_users, np.int8), places), (n_users, n_items))
    np.save(folder / layout.USER_VECTORS_FILE, users)
    np.save(folder / layout.ITEM_VECTORS_FILE, items)
    sparse.save_npz(folder / layout.SEEN_FILE, seen)
    for name, n in ((layout.USERS_FILE, n_users), (layout.ITEMS_FILE, n_items)):
        columns = {"id": [str(place) for place in range(n)], "train_interactions": np.ones(n, int)}
        pq.write_table(pa.table(columns), folder / name)
    if index is not None:
        if not index.exists():
            write_index("usearch", items, index)
        shutil.copy(index, folder / layout.INDEX_FILES["usearch"])
    files = {path.name: file_hash(path) for path in folder.iterdir()}
    about = {"format": layout.FORMAT, "version": layout.VERSION, "variant": "random", "seed": seed}
    write_json(folder / layout.MANIFEST_FILE, sealed({**about, "epoch": 0, "files": files}))


def health(url: str) -> str:
    with urllib.request.urlopen(f"{url}/healthz", timeout=5) as answer:
        text: str = answer.read().decode()
    return text


def disturb(given: argparse.Namespace, folder: Path, made: Path, server: psutil.Process) -> None:
    """Exchange the export and kill a worker, in the middle of the load."""
    began = time.monotonic()
    if given.reload:
        time.sleep(given.seconds / 3)
        with replacing_folder(folder) as temporary:
            for path in made.iterdir():
                os.replace(path, temporary / path.name)
        print(f"{time.monotonic() - began:5.0f} s: another export took the place", flush=True)
    if given.kill:
        time.sleep(max(0, given.seconds * 2 / 3 - (time.monotonic() - began)))
        workers = [
            child for child in server.children() if "spawn_main" in " ".join(child.cmdline())
        ]
        held = [connections(worker, given.port) for worker in workers]
        workers[0].kill()
        print(
            f"{time.monotonic() - began:5.0f} s: killed one of {len(workers)} workers, which had "
            f"{held[0]} of the {sum(held)} connections: so many requests may fail",
            flush=True,
        )


def connections(worker: psutil.Process, port: int) -> int:
    """How many clients a worker is connected to."""
    found = worker.net_connections("tcp")
    return sum(one.status == psutil.CONN_ESTABLISHED and one.laddr.port == port for one in found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("items", 10_000), ("users", 100_000), ("dim", 64), ("workers", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    for name, default in (("connections", 8), ("seconds", 30), ("port", 8765)):
        parser.add_argument(f"--{name}", type=int, default=default)
    for name in ("index", "reload", "kill"):
        parser.add_argument(f"--{name}", action="store_true")
    given = parser.parse_args()
    with TemporaryDirectory() as name:
        place, index = Path(name), Path(name) / "index" if given.index else None
        for number, folder in enumerate((place / "served", place / "next")):
            folder.mkdir()
            export(folder, given, number, index)
        (place / "wrk.lua").write_text(SCRIPT.replace("N_USERS", str(given.users)))
        words = f"serve {place / 'served'} --port {given.port} --workers {given.workers}"
        server = subprocess.Popen(
            [sys.executable, "-m", "ccd", *words.split(), "--reload-every", "1"]
        )
        url = f"http://127.0.0.1:{given.port}"
        try:
            measure(given, place, url, psutil.Process(server.pid))
        finally:
            server.terminate()
            server.wait(30)


def measure(given: argparse.Namespace, place: Path, url: str, server: psutil.Process) -> None:
    for _ in range(600):
        try:
            print(health(url), flush=True)
            break
        except OSError:
            time.sleep(0.5)
    work = threading.Thread(target=disturb, args=(given, place / "served", place / "next", server))
    work.start()
    load = f"wrk --threads 1 --connections {given.connections} --duration {given.seconds}s"
    subprocess.run(
        [*load.split(), "--timeout", "10s", "--script", place / "wrk.lua", url], check=True
    )
    work.join()
    print(f"\n{health(url)}")


if __name__ == "__main__":
    main()

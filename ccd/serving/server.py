"""Starting the service: settings go to the workers through their environment."""

from __future__ import annotations

import ipaddress
import os
import sys
from pathlib import Path

from ccd.errors import ConfigError, ResourceError, reading
from ccd.serving.vectors import open_vectors

_LEAST_TOKEN = 16


def run_server(
    folder: Path,
    *,
    host: str,
    port: int,
    workers: int,
    reload_seconds: float,
    token_file: Path | None,
) -> None:
    """Serve an exported folder until a signal ends it.

    Args:
        folder: What ``ccd export`` wrote.
        host: Address to listen at.
        port: Port to listen at.
        workers: Number of processes; a dead one is replaced.
        reload_seconds: Seconds between two looks for a new export.
        token_file: File with the token that clients must send; None asks for none.

    Raises:
        ConfigError: It is no exported folder, the token is too short, or the extra is missing.
        DamagedFileError: A file is not the one that was exported.
        ResourceError: The address or port cannot be listened at.
    """
    try:
        import uvicorn

        from ccd.serving import app
    except ImportError as error:
        raise ConfigError(
            f"the package {error.name} is not installed", hint="pip install 'ccdrec[serve]'"
        ) from error
    open_vectors(folder)  # refused here once, not by every worker
    os.environ[app.FOLDER_VARIABLE] = str(folder.resolve())
    os.environ[app.EVERY_VARIABLE] = str(reload_seconds)
    os.environ.pop(app.TOKEN_VARIABLE, None)
    if token_file is not None:
        os.environ[app.TOKEN_VARIABLE] = _token(token_file)
    elif not _is_local(host):
        print(
            f"note: anybody who can reach {host} can ask; --token-file FILE demands a token",
            file=sys.stderr,
        )
    # One product per request: more threads would compete with the other workers.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        uvicorn.run(
            "ccd.serving.app:from_environment",
            factory=True,
            host=host,
            port=port,
            workers=workers,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=10,
            # A worker that is late on a busy machine is alive: killed, it would fail its requests.
            timeout_worker_healthcheck=60,
        )
    except SystemExit as ended:
        if ended.code:
            raise ResourceError(
                f"cannot serve at {host}:{port}",
                keys=("--host", "--port"),
                hint="the reason is in the line above; choose another --port or --host",
            ) from ended
        raise


def _token(path: Path) -> str:
    with reading(path, ConfigError):
        token = path.read_text(encoding="utf-8").strip()
    if len(token) < _LEAST_TOKEN or not token.isprintable() or " " in token:
        raise ConfigError(
            f"a token has at least {_LEAST_TOKEN} characters and no spaces",
            where=path,
            keys=("--token-file",),
            found=f"{len(token)} characters",
            hint="make one: openssl rand -hex 32",
        )
    return token


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

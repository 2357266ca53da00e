"""Facts about the machine and the installed versions, without importing what is heavy."""

from __future__ import annotations

import os
import platform
import resource
import subprocess
import sys
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

import ccd

PACKAGES = ("torch", "dgl", "numpy", "scipy", "gin-config", "optuna")
"""Distributions whose version can change a result."""


def versions() -> dict[str, str | None]:
    """Version of ccd, Python and each of ``PACKAGES``; None where it is not installed."""
    found: dict[str, str | None] = {"ccd": ccd.__version__, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = None
    return found


def machine() -> dict[str, Any]:
    """CPU model, cores this process may use, memory in MB, operating system and host."""
    return {
        "cpu": cpu_model(),
        "cores": usable_cores(),
        "memory_mb": round(psutil.virtual_memory().total / 2**20),
        "os": platform.platform(),
        "host": platform.node(),
    }


def cpu_model() -> str:
    """Name of the CPU as its maker writes it, as far as the system tells."""
    listing = Path("/proc/cpuinfo")
    if listing.exists():
        for line in listing.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def usable_cores() -> int:
    """Cores this process may run on, which can be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def peak_rss_mb() -> float:
    """Largest resident memory of this process so far, in MB (2**20 bytes)."""
    # What getrusage says, a process inherits from the one that started it.
    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text(encoding="utf-8", errors="replace").splitlines()
        kb = next((line.split()[1] for line in lines if line.startswith("VmHWM")), None)
        if kb is not None:
            return int(kb) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    unit = 1 if sys.platform == "darwin" else 1024
    return peak * unit / 2**20


def forget_peak() -> None:
    """Let ``peak_rss_mb`` begin anew, where the system can."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def git_commit(folder: Path) -> str | None:
    """Commit of the checkout whose top is ``folder``, ``-dirty`` if changed; None if it is none.

    A folder inside somebody else's checkout, such as ``site-packages``, is none.
    """
    if not (folder / ".git").exists():
        return None
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        answer = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() or None

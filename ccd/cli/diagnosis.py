"""What ``ccd doctor`` looks at, one function per line of its answer."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import psutil

from ccd.checks import Check
from ccd.config.files import IMPORT_REPORT
from ccd.errors import ResourceError
from ccd.runs.machine import cpu_model, usable_cores, versions

_REQUIRED = ("gin-config", "optuna", "scipy", "pyarrow", "safetensors", "matplotlib", "filelock")
_OPTIONAL = {
    "ir_measures": "checking the metrics against another library (extra 'test')",
    "sklearn": "t-SNE of 'ccd plot tsne' and 'ccd plot negatives' (extra 'figures')",
    "sentence_transformers": "encoders of 'ccd data import --encode' (extra 'features')",
}
_MIB = 2**20


def diagnose() -> Iterator[Check]:
    """All checks, in the order they are shown."""
    yield check_python(sys.version_info[:3])
    yield from check_torch()
    yield from check_engines()
    yield check_packages()
    yield check_threads(os.environ.get("OMP_NUM_THREADS"), usable_cores())
    yield check_memory(psutil.virtual_memory().available / _MIB)
    yield check_disk("disk here", Path.cwd())
    yield check_disk("disk for temporary files", Path(tempfile.gettempdir()))
    yield from check_data()
    yield from check_optional()


def check_python(version: tuple[int, int, int]) -> Check:
    """Is this a Python that ccd supports?"""
    found = f"{'.'.join(map(str, version))} ({sys.executable})"
    if version[:2] >= (3, 10):
        return Check("python", "ok", found)
    return Check("python", "problem", found, "use Python 3.10 or later")


def check_torch() -> Iterator[Check]:
    """Does torch import, and is there a CUDA device?"""
    try:
        import torch
    except (ImportError, OSError, RuntimeError) as error:
        advice = "reinstall torch; its CPU build suffices"
        yield Check("torch", "problem", f"does not import: {error}", advice)
        return
    yield Check("torch", "ok", f"{torch.__version__}, {torch.get_num_threads()} threads")
    if torch.cuda.is_available():
        yield Check("cuda", "ok", f"{torch.cuda.get_device_name()}, CUDA {torch.version.cuda}")
    else:
        yield Check("cuda", "ok", "no device; runs use the CPU")


def check_engines() -> Iterator[Check]:
    """Which message passing engine is used on each device, and why?"""
    try:
        import torch

        from ccd.graphs.engines import describe_choice
    except (ImportError, OSError, RuntimeError) as error:
        yield Check("engine", "problem", f"cannot be chosen: {error}", "see the torch line")
        return
    dgl = versions()["dgl"]
    for device in ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]:
        try:
            found = f"{describe_choice(device)} (dgl {dgl or 'is not installed'})"
            yield Check(f"engine on {device}", "ok", found)
        except ResourceError as error:
            advice = "pip install --force-reinstall ccdrec"
            yield Check(f"engine on {device}", "problem", error.what, advice)


def check_packages() -> Check:
    """Are the other packages there?"""
    found, missing = [], []
    for name in _REQUIRED:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        return Check(
            "packages",
            "problem",
            f"missing: {', '.join(missing)}",
            f"pip install {' '.join(missing)}",
        )
    return Check("packages", "ok", ", ".join(found))


def check_threads(omp_num_threads: str | None, cores: int) -> Check:
    """Do the threads asked for fit the cores there are?"""
    found = f"OMP_NUM_THREADS={omp_num_threads or 'not set'}, {cores} cores ({cpu_model()})"
    if omp_num_threads and omp_num_threads.isdecimal() and int(omp_num_threads) > cores:
        advice = f"more threads than cores is slow: set OMP_NUM_THREADS={cores} or less"
        return Check("threads", "warning", found, advice)
    return Check("threads", "ok", found)


def check_memory(available_mb: float) -> Check:
    """Is there memory for a data set of the paper's size?"""
    found = f"{available_mb / 1024:.1f} GB available"
    if available_mb < 1024:
        return Check("memory", "warning", found, "Amazon Baby needs about 1 GB; end other programs")
    return Check("memory", "ok", found)


def check_disk(name: str, folder: Path) -> Check:
    """Can run folders be written here?"""
    free_mb = shutil.disk_usage(folder).free / _MIB
    found = f"{folder}: {free_mb / 1024:.1f} GB free"
    if not os.access(folder, os.W_OK):
        return Check(name, "warning", f"{folder} is not writable", "name another with --out")
    if free_mb < 500:
        return Check(name, "warning", found, "a run folder takes up to 500 MB; free some space")
    return Check(name, "ok", found)


def check_data() -> Iterator[Check]:
    """Which data sets lie where ``ccd run`` looks?"""
    from ccd.datasets.locate import data_folders

    for folder in data_folders(None):
        if not folder.is_dir():
            yield Check("data", "ok", f"{folder}: no such folder; built-in data need none")
            continue
        found = {path.stem for path in [*folder.glob("*.inter"), *folder.glob("*/*.inter")]}
        imported = {path.parent.name for path in folder.glob(f"*/{IMPORT_REPORT}")}
        names = sorted(found | imported)
        yield Check("data", "ok", f"{folder}: {', '.join(names) or 'no data set'}")


def check_optional() -> Iterator[Check]:
    """Parts that are nice to have."""
    for name, use in _OPTIONAL.items():
        state = "installed" if find_spec(name) else "not installed"
        yield Check("optional", "ok", f"{name} is {state}; it is for {use}")
    state = "installed" if shutil.which("git") else "not installed"
    yield Check("optional", "ok", f"git is {state}; with it a manifest names ccd's own commit")

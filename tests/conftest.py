"""Fixtures that every package of tests may use."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import torch
import typer.main
import typer.testing
from hypothesis import settings

# How long an example takes says what else the machine does.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


TINY = [
    "planted_world.n_users = 60",
    "planted_world.n_items = 60",
    "planted_world.n_clusters = 6",
    "Trainer.epochs = 5",
    "CurricularSampler.candidate_fraction = 0.5",
    "step_curriculum.interval = 1",
    "step_curriculum.end_epoch = 3",
]
"""Settings of a planted world and a training that take seconds."""


@pytest.fixture(scope="session", autouse=True)
def commands_are_made_once() -> Iterator[None]:
    """typer makes all of them of their functions for each single call, which takes a while."""
    made = cache(typer.main.get_command)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(typer.main, "get_command", made)
        patch.setattr(typer.testing, "_get_command", made)
        yield


@pytest.fixture(autouse=True)
def one_torch_thread() -> Iterator[None]:
    """Small tensors are slower with more, and results depend on their number."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with the real data sets: ``$CCD_DATA``, or ``shared/data`` beside the checkout."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("CCD_DATA", beside))
    if not folder.is_dir():
        pytest.skip(f"no real data: {folder} is not a folder; set CCD_DATA")
    return folder


@pytest.fixture(scope="session")
def finished_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder of FREEDOM and CCDRec(FREEDOM), two seeds each, on a tiny planted world."""
    import ccd

    folder = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CCD_CACHE", str(folder / "cache"))
        only = ["FREEDOM", "FREEDOM+DMA+NDI+CNS"]
        recipe = "recipes/ablation_freedom.gin"
        ccd.run(recipe, bindings=TINY, only=only, seeds=(1, 2), out=folder / "run")
    return folder / "run"


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of ``tests/interruptions.py``, which nothing interrupted; only to be looked at."""
    from tests.interruptions import run

    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CCD_CACHE", str(folder / "cache"))
        run(folder / "run")
    return folder / "run"


@pytest.fixture(autouse=True)
def signals_are_heard() -> Iterator[None]:
    """Also where the tests run under nohup or in the background, whose children ignore some."""
    heard = {signal.SIGHUP: signal.SIG_DFL, signal.SIGINT: signal.default_int_handler}
    before = {number: signal.signal(number, handler) for number, handler in heard.items()}
    yield
    for number, earlier in before.items():
        signal.signal(number, earlier)

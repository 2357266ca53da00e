"""Memory of a training that is long."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

WORK = """
import json, psutil
from ccd.runs.records import SilentObserver
from tests.interruptions import FULL, run

class Measuring(SilentObserver):
    def __init__(self):
        self.sizes = []
    def epoch(self, record):
        self.sizes.append(psutil.Process().memory_info().rss)

measuring = Measuring()
run("run", "Trainer.epochs = 500", "EarlyStopping.patience = 500",
    "planted_world.n_users = 400", "planted_world.n_items = 300", observer=measuring)
print(json.dumps(measuring.sizes))
"""


@pytest.mark.real
def test_memory_grows_by_less_than_2_per_cent_over_500_epochs(tmp_path):
    environment = {
        **os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "CCD_CACHE": "cache",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", WORK], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    sizes = json.loads(done.stdout.splitlines()[-1])
    assert len(sizes) == 500
    before, after = (sum(sizes[at - 10 : at]) / 10 for at in (60, 500))
    print(f"{before / 1e6:.1f} MB after 50 epochs, {after / 1e6:.1f} MB after 500")
    assert after < 1.02 * before

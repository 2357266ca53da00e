"""A small run that tests interrupt, and what must be the same in it afterwards."""

import torch

import ccd
from ccd.runs.folder import read_history, read_results
from ccd.runs.model_file import read_model
from ccd.runs.records import SilentObserver

SMALL = [
    "planted_world.n_users = 60",
    "planted_world.n_items = 60",
    "planted_world.n_clusters = 6",
    "Trainer.epochs = 6",
    "CurricularSampler.candidate_fraction = 0.5",
    "step_curriculum.interval = 1",
    "step_curriculum.end_epoch = 3",
    "Checkpoint.every_seconds = 0",
    "Experiment.threads = 1",
]
RECIPE = "recipes/ablation_freedom.gin"
FULL = "FREEDOM+DMA+NDI+CNS"


class Told(SilentObserver):
    """Remembers notes, and does something after an epoch."""

    def __init__(self, after=None, then=None):
        self.notes, self.epochs, self._after, self._then = [], 0, after, then

    def note(self, message):
        self.notes.append(message)

    def epoch(self, record):
        self.epochs += 1
        if self.epochs == self._after:
            self._then()


def run(out, *bindings, only=(FULL,), seeds=(1,), **options):
    texts = [*SMALL, *bindings]
    return ccd.run(RECIPE, bindings=texts, only=only, seeds=seeds, out=out, **options)


def state_of(folder):
    """All numbers of a run folder."""
    history = [{**vars(record), "seconds": None} for record in read_history(folder)]
    results = [
        {**vars(result), "seconds": None, "peak_rss_mb": None} for result in read_results(folder)
    ]
    tensors = {
        path.parent.name: read_model(path, {}, {}) for path in folder.glob("*/model.safetensors")
    }
    return history, results, tensors


def assert_same(ours, theirs):
    one, other = state_of(ours), state_of(theirs)
    for result in one[1]:
        run = (result["variant"], result["seed"])
        epochs = [epoch["epoch"] for epoch in one[0] if (epoch["variant"], epoch["seed"]) == run]
        assert epochs == list(range(result["epochs"]))
    key = lambda record: (record["variant"], record["seed"], record.get("epoch", 0))  # noqa: E731
    assert sorted(one[0], key=key) == sorted(other[0], key=key)
    assert sorted(one[1], key=key) == sorted(other[1], key=key)
    assert one[2].keys() == other[2].keys()
    for name, tensors in one[2].items():
        assert tensors.keys() == other[2][name].keys()
        assert all(torch.equal(tensors[k], other[2][name][k]) for k in tensors)

"""Runs told to TensorBoard, MLflow and W&B, by one line of a recipe."""

import json
import struct
import sys
from collections import defaultdict

import pytest

import ccd
from ccd.errors import ResourceError
from ccd.runs.records import SilentObserver
from ccd.tracking.audience import Audience
from ccd.tracking.base import RunTracker
from tests.runs.samples import make_epoch, make_plan, make_result

TINY = [
    "planted_world.n_users = 60",
    "planted_world.n_items = 60",
    "planted_world.n_clusters = 6",
    "Trainer.epochs = 3",
    "EarlyStopping.patience = 50",
]


class Notes(SilentObserver):
    def __init__(self):
        self.notes = []

    def note(self, message):
        self.notes.append(message)


def train(folder, *bindings, seeds=(1,)):
    observer = Notes()
    runs = ccd.run(
        "recipes/ablation_freedom.gin",
        dataset="planted",
        bindings=[*TINY, *bindings],
        only=["FREEDOM"],
        seeds=seeds,
        out=folder,
        observer=observer,
    )
    assert not [note for note in observer.notes if "failed" in note]
    return runs


def expected(runs, seed):
    """Epoch and name to value, of what ccd wrote itself."""
    found = {}
    for row in runs.history().to_pylist():
        if row["seed"] == seed:
            numbers = {k: v for k, v in row.items() if "/" in k and v is not None}
            found |= {(row["epoch"], name): value for name, value in numbers.items()}
    (own,) = (row for row in runs.metrics().to_pylist() if row["seed"] == seed)
    return found | {
        (own["best_epoch"], name): value for name, value in own.items() if name.startswith("test/")
    }


def events(folder):
    """What event files hold, read by their format alone: length, checksum, message, checksum."""
    from tensorboardX.proto.event_pb2 import Event

    for path in sorted(folder.glob("events*")):
        data = path.read_bytes()
        while data:
            (length,) = struct.unpack("<Q", data[:8])
            yield Event.FromString(data[12 : 12 + length])
            data = data[16 + length :]


def test_tensorboard_gets_every_number(tmp_path):
    pytest.importorskip("tensorboardX", reason="pip install 'ccdrec[tensorboard]'")
    runs = train(tmp_path / "run", "Experiment.trackers = [@TensorBoard]", seeds=(1, 2))
    for seed in (1, 2):
        found, texts = {}, []
        for event in events(tmp_path / "run" / "tensorboard" / f"FREEDOM-{seed}"):
            for value in event.summary.value:
                if value.HasField("tensor"):
                    texts.append(value.tensor.string_val[0].decode())
                else:
                    found[(event.step, value.tag.replace("_at_", "@"))] = value.simple_value
        wanted = expected(runs, seed)
        assert found == pytest.approx(wanted, rel=1e-6)
        assert "    Trainer.epochs = 3\n" in texts[0]
        assert texts[-1] == "finished"


def test_mlflow_gets_every_number(tmp_path):
    tracking = pytest.importorskip("mlflow.tracking", reason="pip install 'ccdrec[mlflow]'")
    runs = train(tmp_path / "run", "Experiment.trackers = [@MLflow]", "MLflow.experiment = 'mine'")
    client = tracking.MlflowClient(tracking_uri=f"sqlite:///{tmp_path / 'run' / 'mlflow.db'}")
    place = client.get_experiment_by_name("mine").experiment_id
    (run,) = client.search_runs([place])
    assert run.info.status == "FINISHED"
    assert run.data.params["Trainer.epochs"] == "3"
    assert run.data.tags.items() >= {"variant": "FREEDOM", "seed": "1"}.items()
    found = {
        (entry.step, name.replace("_at_", "@")): entry.value
        for name in run.data.metrics
        for entry in client.get_metric_history(run.info.run_id, name)
    }
    assert found == pytest.approx(expected(runs, 1))


def logged(path):
    """The records of a LevelDB log, as W&B writes them: parts in blocks of 32 KiB."""
    data, at, whole = path.read_bytes(), 7, b""
    while at + 7 <= len(data):
        left = 32768 - at % 32768
        if left < 7:
            at += left
            continue
        length, kind = struct.unpack("<HB", data[at + 4 : at + 7])
        whole += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # a record in one part, or its last part
            yield whole
            whole = b""


def test_wandb_gets_every_number(tmp_path, monkeypatch):
    pytest.importorskip("wandb", reason="pip install 'ccdrec[wandb]'")
    from wandb.proto.wandb_internal_pb2 import Record

    for name in ("WANDB_DIR", "WANDB_MODE", "WANDB_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    runs = train(tmp_path / "run", "Experiment.trackers = [@WandB]", "WandB.mode = 'offline'")
    (path,) = (tmp_path / "run" / "wandb").glob("offline-run-*/run-*.wandb")
    found, config = {}, {}
    for record in map(Record.FromString, logged(path)):
        if record.HasField("run"):
            config |= {i.key: json.loads(i.value_json) for i in record.run.config.update}
        if record.HasField("history"):
            items = record.history.item
            row = {i.key or "/".join(i.nested_key): json.loads(i.value_json) for i in items}
            found |= {(row["epoch"], k): v for k, v in row.items() if "/" in k}
    assert config["Trainer.epochs"] == "3"
    assert found == pytest.approx(expected(runs, 1))


@pytest.mark.parametrize(
    ("name", "module", "extra"),
    [
        ("TensorBoard", "tensorboardX", "tensorboard"),
        ("MLflow", "mlflow.tracking", "mlflow"),
        ("WandB", "wandb", "wandb"),
    ],
)
def test_a_package_that_is_absent_is_refused_before_training(
    tmp_path, monkeypatch, name, module, extra
):
    monkeypatch.setitem(sys.modules, module, None)  # what an import finds where it is absent
    with pytest.raises(ResourceError) as refused:
        train(tmp_path / "run", f"Experiment.trackers = [@{name}]")
    assert refused.value.what.startswith(f"{name} needs the package {module.split('.')[0]}")
    assert refused.value.hint == f"pip install 'ccdrec[{extra}]'"
    assert not (tmp_path / "run").exists()


def test_a_tracked_run_is_the_same_run_and_is_read_without_the_package(tmp_path, monkeypatch):
    pytest.importorskip("tensorboardX", reason="pip install 'ccdrec[tensorboard]'")
    plain = train(tmp_path / "plain")
    tracked = train(tmp_path / "tracked", "Experiment.trackers = [@TensorBoard]")
    assert [r.test for r in tracked.results] == [r.test for r in plain.results]
    assert tracked.run().about["config_hash"] == plain.run().about["config_hash"]
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    assert len(ccd.recommend(tmp_path / "tracked", ["3"]).items[0]) == 10
    run = ccd.load_run(tmp_path / "tracked").run()
    run.rebuild(run.dataset())
    before = sorted((tmp_path / "tracked" / "tensorboard").rglob("*"))
    train(tmp_path / "tracked")  # found finished, with another setting of how it runs
    assert sorted((tmp_path / "tracked" / "tensorboard").rglob("*")) == before


class Taker(SilentObserver):
    """Remembers what it is told, and fails when asked to."""

    def __init__(self, fails_at: str = "") -> None:
        self.told: list[str] = []
        self.fails_at = fails_at

    def _take(self, event):
        self.told.append(event)
        if event == self.fails_at:
            raise RuntimeError(f"no server\nafter {event}")

    def started(self, plan):
        self._take("started")

    def note(self, message):
        self._take(f"note {message}")

    def epoch(self, record):
        self._take(f"epoch {record.variant} {record.epoch}")

    def finished(self, result, *, skipped):
        self._take(f"finished {result.variant} {skipped}")

    def closed(self):
        self._take("closed")


def tell(audience):
    audience.started(make_plan())
    audience.note("hello")
    for variant in ("FREEDOM", "FREEDOM+DMA"):
        audience.epoch(make_epoch(variant))
        audience.finished(make_result(variant), skipped=False)
    audience.closed()


def test_each_tracker_hears_of_its_own_variant():
    shown, trackers = Taker(), defaultdict(list)
    trackers["FREEDOM"] = [Taker(), Taker()]
    trackers["FREEDOM+DMA"] = [Taker()]
    tell(Audience(shown, trackers))
    every = ["epoch FREEDOM 0", "finished FREEDOM False", "epoch FREEDOM+DMA 0"]
    every += ["finished FREEDOM+DMA False"]
    assert shown.told == ["started", "note hello", *every, "closed"]
    for variant, events_of in (("FREEDOM", every[:2]), ("FREEDOM+DMA", every[2:])):
        for tracker in trackers[variant]:
            assert tracker.told == ["started", "note hello", *events_of, "closed"]


@pytest.mark.parametrize(
    "event", ["started", "note hello", "epoch FREEDOM 0", "finished FREEDOM False", "closed"]
)
def test_a_tracker_that_fails_is_left_out_and_nothing_else(event):
    shown, failing, sound = Taker(), Taker(event), Taker()
    tell(Audience(shown, {"FREEDOM": [failing, sound]}))
    notes = [e for e in shown.told if e.startswith("note Taker")]
    assert notes == ["note Taker failed and is told nothing more of 'FREEDOM': no server"]
    assert failing.told[-1] == event
    assert shown.told[-1] == sound.told[-1] == "closed"


def test_a_run_that_is_stopped_is_closed(tmp_path):
    mlflow = pytest.importorskip("mlflow.tracking", reason="pip install 'ccdrec[mlflow]'")
    from ccd.tracking.mlflow import MLflow

    tracker = MLflow({"A.b": "1"})
    tracker.started(make_plan(tmp_path))
    tracker.epoch(make_epoch("FREEDOM"))
    tracker.closed()
    client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{tmp_path / 'mlflow.db'}")
    place = client.get_experiment_by_name("ablation").experiment_id
    assert [run.info.status for run in client.search_runs([place])] == ["KILLED"]


class Told(RunTracker):
    """Remembers what a program that knows runs would be told."""

    def __init__(self):
        super().__init__({})
        self.told = []

    def open_run(self, variant, seed):
        self.told.append(f"open {variant} {seed}")

    def log(self, measures, epoch):
        self.told.append("log")

    def close_run(self, end):
        self.told.append(end)


@pytest.mark.parametrize("skipped", [False, True])
def test_a_run_that_broke_before_it_had_a_result_takes_nothing_of_the_next_one(skipped):
    tracker = Told()
    tracker.epoch(make_epoch("FREEDOM", seed=1))
    if not skipped:
        tracker.epoch(make_epoch("FREEDOM", seed=2))
    tracker.finished(make_result("FREEDOM", seed=2), skipped=skipped)
    tracker.closed()
    whole = [] if skipped else ["open FREEDOM 2", "log", "log", "finished"]
    assert tracker.told == ["open FREEDOM 1", "log", "diverged", *whole]

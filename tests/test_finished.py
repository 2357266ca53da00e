import json
import shutil
from pathlib import Path

import pytest
import torch

from ccd.errors import ConfigError, DamagedFileError, DataError
from ccd.finished import choose_run, open_runs


def test_a_folder_gives_its_runs_and_a_runs_own_folder_that_one(finished_folder):
    runs = open_runs(finished_folder)
    assert len(runs) == 4
    alone = open_runs(finished_folder / "FREEDOM-2")
    assert [(run.result.variant, run.result.seed) for run in alone] == [("FREEDOM", 2)]
    assert alone[0].settings["Trainer.epochs"] == "5"
    assert [record["epoch"] for record in alone[0].history] == [0, 1, 2, 3, 4]


def test_the_folder_one_stands_in_is_a_folder_too(finished_folder, monkeypatch):
    monkeypatch.chdir(finished_folder / "FREEDOM-2")
    assert [run.result.seed for run in open_runs(Path("."))] == [2]


def test_choice_is_the_last_variants_first_seed_unless_named(finished_folder):
    run = choose_run(finished_folder, None, None)
    assert (run.result.variant, run.result.seed) == ("FREEDOM+DMA+NDI+CNS", 1)
    run = choose_run(finished_folder, "FREEDOM", 2)
    assert (run.result.variant, run.result.seed) == ("FREEDOM", 2)
    with pytest.raises(ConfigError, match="did you mean FREEDOM"):
        choose_run(finished_folder, "FREEDON", None)
    with pytest.raises(ConfigError, match="seed 9; it has seeds 1, 2"):
        choose_run(finished_folder, "FREEDOM", 9)


def test_a_folder_without_a_finished_run_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="holds no finished run"):
        open_runs(tmp_path)


def test_the_rebuilt_model_is_the_trained_one(finished_folder):
    run = choose_run(finished_folder, "FREEDOM", 1)
    dataset = run.dataset([])
    model = run.rebuild(dataset)
    final = model.infer()
    assert torch.allclose(final.users, run.representations.users, atol=1e-6)
    assert torch.allclose(final.items, run.representations.items, atol=1e-6)
    untrained = run.untrained(dataset).infer()
    assert not torch.allclose(untrained.items, final.items, atol=1e-3)


def test_a_run_of_another_machines_gpu_can_be_looked_into_here(finished_folder, tmp_path):
    shutil.copytree(finished_folder, tmp_path / "run")
    path = tmp_path / "run" / "FREEDOM-1" / "operative.gin"
    text = path.read_text()
    assert "device = 'cpu'" in text
    path.write_text(text.replace("device = 'cpu'", "device = 'cuda:97'"))
    run = choose_run(tmp_path / "run", "FREEDOM", 1)
    assert run.rebuild(run.dataset([])).infer().items.device.type == "cpu"


def test_other_data_and_damaged_models_are_refused(finished_folder, tmp_path):
    shutil.copytree(finished_folder, tmp_path / "run")
    path = tmp_path / "run" / "FREEDOM-1" / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "dataset_fingerprint": "x"}))
    run = choose_run(tmp_path / "run", "FREEDOM", 1)
    with pytest.raises(DataError, match="other content"):
        run.dataset([])
    (run.folder / "model.safetensors").write_bytes(b"torn")
    with pytest.raises(DamagedFileError, match="is not a whole model"):
        run.tensors["user_representations"]

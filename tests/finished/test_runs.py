import json
import shutil
from pathlib import Path

import pytest
import torch

from ccd.errors import ConfigError, DamagedFileError, DataError, ResourceError
from ccd.evaluation.ranking import HeldOut
from ccd.finished.inspection import Inspection
from ccd.finished.runs import choose_run, open_runs
from ccd.graphs.items_by_user import ItemsByUser
from ccd.runs.folder import MODEL_FILE, RUN_FILE, SAMPLE_TENSOR
from ccd.runs.model_file import write_model

CCDREC = "FREEDOM+DMA+NDI+CNS"


def test_a_folder_gives_its_runs_and_a_runs_own_folder_that_one(finished_folder):
    runs = open_runs(finished_folder)
    assert len(runs) == 4
    alone = open_runs(finished_folder / "FREEDOM-2")
    assert [(run.result.variant, run.result.seed) for run in alone] == [("FREEDOM", 2)]
    assert alone[0].settings["Trainer.epochs"] == "5"
    assert [record.epoch for record in alone[0].history] == [0, 1, 2, 3, 4]


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
    with pytest.raises(ConfigError, match="seed 9\n.*\n  it has seeds 1, 2"):
        choose_run(finished_folder, "FREEDOM", 9)


def test_what_cannot_be_looked_into_is_refused(tmp_path):
    with pytest.raises(ResourceError, match="cannot read this: File name too long"):
        open_runs(tmp_path / ("y" * 300))


def test_a_folder_without_a_finished_run_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="holds no finished run"):
        open_runs(tmp_path)


def test_a_run_that_was_copied_in_part_is_told_what_it_lacks(finished_folder, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(finished_folder, copy)
    (copy / "FREEDOM-2" / MODEL_FILE).unlink()
    (copy / "FREEDOM-1" / RUN_FILE).unlink()
    assert len(open_runs(copy)) == 2
    with pytest.raises(ConfigError, match="FREEDOM-2 lacks model.safetensors; copy it from"):
        open_runs(copy / "FREEDOM-2")
    with pytest.raises(ConfigError, match="FREEDOM-1 lacks run.json; copy it from"):
        open_runs(copy / "FREEDOM-1")
    for seed in (1, 2):
        for variant in ("FREEDOM", CCDREC):
            shutil.rmtree(copy / f"{variant}-{seed}")
    with pytest.raises(ConfigError, match="FREEDOM-1 lacks operative.gin, model.safetensors"):
        open_runs(copy)


def test_a_runs_own_folder_is_opened_through_links(finished_folder, tmp_path):
    (tmp_path / "elsewhere").symlink_to(finished_folder / "FREEDOM-2")
    (run,) = open_runs(tmp_path / "elsewhere")
    assert (run.result.variant, run.result.seed) == ("FREEDOM", 2)
    copy = shutil.copytree(finished_folder, tmp_path / "run")
    shutil.move(copy / "FREEDOM-2", tmp_path / "big")
    (copy / "FREEDOM-2").symlink_to(tmp_path / "big")
    (run,) = open_runs(copy / "FREEDOM-2")
    assert len(run.per_user.users) > 0


def test_a_foreign_file_beside_a_run_folder_is_not_read(finished_folder, tmp_path):
    copy = shutil.copytree(finished_folder, tmp_path / "run")
    (tmp_path / "results.jsonl").write_text('{"not": "ours"}\n')
    assert len(open_runs(copy)) == 4


def test_a_runs_own_folder_that_was_copied_alone_is_told_so(finished_folder, tmp_path):
    copy = shutil.copytree(finished_folder / "FREEDOM-1", tmp_path / "FREEDOM-1")
    with pytest.raises(ConfigError, match="no .*results.jsonl, which lists it; copy the whole"):
        open_runs(copy)


@pytest.mark.parametrize("variant", ["FREEDOM", CCDREC])
@pytest.mark.parametrize("seed", [1, 2])
def test_the_rebuilt_model_is_the_tested_one_to_the_last_digit(finished_folder, variant, seed):
    run = choose_run(finished_folder, variant, seed)
    dataset = run.dataset()
    final = run.rebuild(dataset).infer()
    assert torch.equal(final.users, run.representations.users)
    assert torch.equal(final.items, run.representations.items)
    train = torch.from_numpy(dataset.train.users), torch.from_numpy(dataset.train.items)
    seen = ItemsByUser(*train, dataset.n_users, dataset.n_items)
    test = HeldOut(dataset.test, dataset.n_users, dataset.n_items, torch.device("cpu"))
    assert run.experiment.evaluator.evaluate(final, test, seen).means == run.result.test
    untrained = run.untrained(dataset)
    untrained.reverse(0)
    assert not torch.allclose(untrained.infer().items, final.items, atol=1e-3)


def test_pools_drawn_anew_leave_the_sample_as_it_was_tested(finished_folder):
    run = choose_run(finished_folder, CCDREC, 1)
    inspection = Inspection(run, run.dataset())
    assert torch.equal(inspection.model.sample, run.tensors[SAMPLE_TENSOR])
    assert torch.equal(inspection.model.epoch_end.items, run.representations.items)
    assert inspection.model.pool_table is not None


def test_a_model_without_its_sample_is_refused(finished_folder, tmp_path):
    shutil.copytree(finished_folder, tmp_path / "run")
    run = choose_run(tmp_path / "run", CCDREC, 1)
    kept = {name: x for name, x in run.tensors.items() if name != SAMPLE_TENSOR}
    write_model(run.folder / "model.safetensors", kept, {})
    run = choose_run(tmp_path / "run", CCDREC, 1)
    with pytest.raises(
        ConfigError, match=r"lacks DMA's sample .*\n.*model.safetensors\n.*run this var"
    ):
        run.rebuild(run.dataset())


def test_a_run_of_another_machines_gpu_can_be_looked_into_here(finished_folder, tmp_path):
    shutil.copytree(finished_folder, tmp_path / "run")
    path = tmp_path / "run" / "FREEDOM-1" / "operative.gin"
    text = path.read_text()
    assert "device = 'cpu'" in text
    path.write_text(text.replace("device = 'cpu'", "device = 'cuda:97'"))
    run = choose_run(tmp_path / "run", "FREEDOM", 1)
    assert run.rebuild(run.dataset()).infer().items.device.type == "cpu"


def test_other_data_and_damaged_models_are_refused(finished_folder, tmp_path):
    shutil.copytree(finished_folder, tmp_path / "run")
    path = tmp_path / "run" / "FREEDOM-1" / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "dataset_fingerprint": "x"}))
    run = choose_run(tmp_path / "run", "FREEDOM", 1)
    with pytest.raises(DataError, match="have changed since the run was trained"):
        run.dataset()
    (run.folder / "model.safetensors").write_bytes(b"torn")
    with pytest.raises(DamagedFileError, match="is not a complete model"):
        run.tensors["user_representations"]

import shutil

from ccd.analysis.reproduction import reproduction
from ccd.finished.runs import open_runs

BOTH = "--only FREEDOM --only FREEDOM+DMA+NDI+CNS"


def test_what_ran_is_asked_for_where_it_is_less_than_the_recipe_lists(finished_folder):
    runs = open_runs(finished_folder)
    assert reproduction(runs).commands == (f"ccd run config.gin {BOTH}",)
    of_seed = [run for run in runs if run.result.seed == 2]
    assert reproduction(of_seed).commands == (f"ccd run config.gin {BOTH} --seed 2",)


def test_variants_of_other_seeds_are_another_command_into_the_same_folder(finished_folder):
    runs = [run for run in open_runs(finished_folder) if run.folder.name != "FREEDOM-2"]
    assert sorted(reproduction(runs).commands) == [
        "ccd run config.gin --only FREEDOM --seed 1 --out runs/config",
        "ccd run config.gin --only FREEDOM+DMA+NDI+CNS --out runs/config",
    ]


def test_two_folders_of_one_name_are_two_recipes(finished_folder, tmp_path):
    folders = [finished_folder, tmp_path / "run"]
    shutil.copytree(*folders)
    found = reproduction([run for folder in folders for run in open_runs(folder)])
    assert list(found.recipes) == ["run.gin", "run-2.gin"]
    assert found.commands[1].startswith("ccd run run-2.gin ")
    (folders[1] / "config.gin").unlink()
    assert list(reproduction(open_runs(folders[1])).recipes) == []

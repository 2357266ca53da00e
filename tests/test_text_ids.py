"""A data set whose ids are texts, from the file to the run folder and back."""

import pyarrow.parquet as pq
from safetensors.torch import load_file

import ccd
from tests.datasets.files import ROWS, write_dataset, write_inter

WIRING = """
Experiment.dataset = @mmrec_dataset
mmrec_dataset:
  name = 'mini'
  interactions = 'mini.inter'
  features = {'image': 'image_feat.npy'}
  item_order = 'items.txt'
"""
RECIPE = """
include 'gin/base.gin'
include 'gin/backbones/vbpr.gin'
Trainer.epochs = 1
FullRanking.cutoffs = (2,)
FullRanking.select = 'recall@2'
"""


def test_results_can_be_traced_back_to_the_ids_of_the_file(tmp_path):
    folder = write_dataset(tmp_path / "mini")
    write_inter(folder / "mini.inter", [(f"user {9 - u}", f"B{i}", x) for u, i, x in ROWS])
    (folder / "items.txt").write_text("".join(f"B{i}\n" for i in (5, 4, 3, 2, 1, 0)))
    (tmp_path / "mini.gin").write_text(WIRING)
    (tmp_path / "recipe.gin").write_text(RECIPE)
    done = ccd.run(
        tmp_path / "recipe.gin", dataset=str(tmp_path / "mini.gin"), data_dir=tmp_path,
        out=tmp_path / "out",
    )  # fmt: skip
    users = (done.folder / "user_ids.txt").read_text().splitlines()
    assert users == ["user 7", "user 8", "user 9"]
    assert (done.folder / "item_ids.txt").read_text().splitlines() == [f"B{i}" for i in range(6)][
        ::-1
    ]
    tensors = load_file(done.folder / "model.safetensors")
    assert len(tensors["user_representations"]) == len(users)
    assert len(tensors["item_representations"]) == 6
    per_user = pq.read_table(done.folder / "per_user.parquet")
    assert {users[u] for u in per_user["user"].to_pylist()} == set(users)


def test_a_data_set_of_positions_leaves_no_lists(tmp_path):
    bindings = ["Trainer.epochs = 1", "planted_world.n_users = 200", "planted_world.n_items = 200"]
    done = ccd.run("recipes/backbones.gin", bindings=bindings, only=["BPR-MF"], seeds=(1,),
               out=tmp_path / "out")  # fmt: skip
    assert not list(done.folder.glob("*_ids.txt"))

"""The projector: whose memory it trains, and which rows it projects."""

import numpy as np
import torch

from ccd.backbones.projector import LinearProjector
from tests.backbones.worlds import CPU, DIM


def projector(features, **settings):
    return LinearProjector(features, DIM, torch.Generator().manual_seed(0), CPU, **settings)


def take_a_step(built):
    optimizer = torch.optim.Adam(built.parameters(), lr=0.1)
    built(torch.tensor([0, 2])).square().sum().backward()
    optimizer.step()


def test_training_features_leaves_the_data_sets_own_alone(tmp_path):
    raw = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    np.save(tmp_path / "image.npy", raw)
    read_only = np.load(tmp_path / "image.npy", mmap_mode="r")
    for table in (raw.copy(), read_only):
        built = projector({"image": table}, trainable=True)
        take_a_step(built)
        assert np.array_equal(table, raw)
        assert not torch.equal(built.tables["image"].detach(), torch.from_numpy(raw))


def test_all_items_are_projected_alike_with_and_without_ids():
    raw = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float16)
    for trainable in (False, True):
        built = projector({"image": raw}, trainable=trainable)
        torch.testing.assert_close(built(), built(torch.arange(5)))

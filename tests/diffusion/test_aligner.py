from functools import partial

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from ccd.backbones.base import Backbone
from ccd.backbones.fusion import Fusion
from ccd.backbones.projector import LinearProjector
from ccd.diffusion import aligner as module
from ccd.diffusion.aligner import DiffusionAligner
from ccd.diffusion.estimators import AttentionEstimator
from ccd.diffusion.fusion import ego_fusion, ego_id_fusion, final_fusion
from ccd.diffusion.noise_schedules import linear_betas
from ccd.diffusion.process import GaussianDiffusion

CPU = torch.device("cpu")
N_ITEMS, DIM = 12, 8


def aligner(**settings):
    rng = torch.Generator().manual_seed(0)
    raw = {"image": np.random.default_rng(0).normal(size=(N_ITEMS, 5)).astype(np.float32)}
    projector = LinearProjector(raw, DIM, rng, CPU)
    diffusion = partial(GaussianDiffusion, betas=linear_betas)
    defaults = {"diffusion": diffusion, "estimator": AttentionEstimator, "fusion": final_fusion}
    return DiffusionAligner(DIM, projector, rng, CPU, **{**defaults, **settings})


def embeddings():
    table = torch.randn(N_ITEMS, DIM, generator=torch.Generator().manual_seed(1))
    return table.requires_grad_()


def stream():
    return torch.Generator().manual_seed(2)


ITEMS = torch.tensor([5, 2, 5, 9, 2])


def test_unique_diffuses_each_item_once():
    denoised = aligner().denoise(embeddings(), ITEMS, stream())
    assert denoised.items.tolist() == [2, 5, 9]
    assert denoised.representations.shape == (3, DIM)


def test_each_keeps_the_last_occurrence_and_counts_all_in_the_loss():
    model, table = aligner(duplicates="each"), embeddings()
    denoised = model.denoise(table, ITEMS, stream())
    assert denoised.items.tolist() == [2, 5, 9]
    rng = stream()
    t = model.diffusion.draw_timesteps(5, rng)
    noise = torch.empty(5, DIM).normal_(generator=rng)
    x_t = model.diffusion.add_noise(table[ITEMS], noise, t)
    estimate = model.estimator(x_t, t, model.encode(ITEMS))
    torch.testing.assert_close(denoised.representations, estimate[[4, 2, 3]])
    torch.testing.assert_close(denoised.loss, (estimate - table[ITEMS]).square().mean())


def test_all_items_can_be_diffused():
    denoised = aligner(scope="all").denoise(embeddings(), ITEMS, stream())
    assert denoised.items.tolist() == list(range(N_ITEMS))


def test_the_papers_norm_is_dim_times_the_mean():
    mean = aligner().denoise(embeddings(), ITEMS, stream()).loss
    norm = aligner(loss_reduction="sum_dim").denoise(embeddings(), ITEMS, stream()).loss
    torch.testing.assert_close(norm, mean * DIM)


@pytest.mark.parametrize("detach_target", [False, True])
@pytest.mark.parametrize("detach_input", [False, True])
def test_detaching(detach_target, detach_input):
    table = embeddings()
    model = aligner(detach_target=detach_target, detach_input=detach_input)
    loss = model.denoise(table, ITEMS, stream()).loss
    (gradient,) = torch.autograd.grad(loss, table, allow_unused=True)
    assert (gradient is None) == (detach_target and detach_input)


def test_sampling_is_reproducible():
    table = embeddings()
    once = aligner().sample(table, (6,), stream())
    assert sorted(once) == [6, 20]
    assert torch.equal(once[20], aligner().sample(table, (6,), stream())[20])
    assert not once[20].requires_grad


def test_the_projector_is_shared_and_not_owned():
    model = aligner()
    assert not any("maps" in name for name, _ in model.named_parameters())


class Tables(Backbone):
    """A backbone that is its two item tables ``[N_ITEMS, DIM]``."""

    def __init__(self, ids, higher):
        torch.nn.Module.__init__(self)
        self.item_embeddings, self.higher = torch.nn.Parameter(ids), higher

    def higher_order(self, items=None):
        return self.higher if items is None else self.higher[items]


@pytest.mark.parametrize(
    ("fusion", "expected"),
    [
        (final_fusion, lambda e, g, x: (e, 0.7 * g + 0.3 * x)),
        (ego_fusion, lambda e, g, x: (0.7 * g + 0.3 * x, g)),
        (ego_id_fusion, lambda e, g, x: (0.7 * e + 0.3 * x, g)),
    ],
)
def test_fusion_sites(fusion, expected):
    rng = torch.Generator().manual_seed(3)
    ids, higher, denoised = (torch.randn(N_ITEMS, DIM, generator=rng) for _ in range(3))
    fused = aligner(fusion=fusion, fusion_weight=0.3).fuse(torch.arange(N_ITEMS), denoised)
    ego, side = expected(ids, higher, denoised)
    backbone = Tables(ids, higher)
    torch.testing.assert_close(backbone.fused(fused, None), (ego, side))
    wanted = torch.tensor([0, 3])
    torch.testing.assert_close(backbone.fused(fused, wanted), (ego, side[wanted]))


def test_without_dma_a_backbone_is_as_it_is():
    backbone = Tables(*embeddings().detach()[None].repeat(2, 1, 1))
    ego, side = backbone.fused(None, torch.tensor([4]))
    assert ego is backbone.item_embeddings
    assert torch.equal(side, backbone.higher[[4]])


def test_a_fusion_of_ones_own_changes_what_is_mixed():
    """Any function that returns a Fusion will do, here one that mixes in directions only."""

    def unit_fusion(items, denoised, weight):
        return Fusion("ego_id", items, F.normalize(denoised), weight)

    model = aligner(fusion=unit_fusion, fusion_weight=0.5)
    fused = model.fuse(torch.tensor([1, 4]), torch.full((2, DIM), 9.0))
    mixed = fused.mixed(torch.zeros(N_ITEMS, DIM))
    torch.testing.assert_close(mixed[[1, 4]].norm(dim=1), torch.full((2,), 0.5))


def test_the_reverse_process_estimates_many_items_in_blocks_with_the_same_noise(monkeypatch):
    whole = aligner().sample(embeddings(), (3,), stream())
    monkeypatch.setattr(module, "_BLOCK_ITEMS", 5)
    model, rows = aligner(), []
    estimator = model.estimator
    estimator.register_forward_pre_hook(lambda _, given: rows.append(len(given[0])))
    blocked = model.sample(embeddings(), (3,), stream())
    assert rows[:3] == [5, 5, 2]
    assert whole.keys() == blocked.keys()
    for done, table in whole.items():
        torch.testing.assert_close(blocked[done], table)


class LooksAtOthers(AttentionEstimator):
    """It does not say that rows may be estimated apart from the others."""


def test_an_estimator_that_does_not_split_sees_all_items_at_once(monkeypatch):
    monkeypatch.setattr(module, "_BLOCK_ITEMS", 5)
    model, rows = aligner(estimator=LooksAtOthers), []
    model.estimator.register_forward_pre_hook(lambda _, given: rows.append(len(given[0])))
    model.sample(embeddings(), (), stream())
    assert set(rows) == {N_ITEMS}

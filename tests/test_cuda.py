"""Every recommender and sampler on a CUDA device; skipped where there is none."""

import pytest
import torch

from ccd import catalogue
from ccd.config.recipe import load_recipe
from ccd.diffusion.unet import UNetEstimator
from ccd.registry import components
from tests.training.parts import run

catalogue.load()

DEVICE = "cuda"
TINY = [
    "planted_world.n_users = 200",
    "planted_world.n_items = 120",
    "planted_world.n_clusters = 6",
]
SAMPLERS = {
    "UniformSampler": [],
    "PopularitySampler": [],
    "AHNSSampler": [],
    "DMNSSampler": [],
    "DNSSampler": [],
    "FMCNSSampler": [],
    "SharedSampler": [],
    "MixGCFSampler": [],
    "SRNSSampler": [],
    "RealHNSSingleDomainSampler": [
        "RealHNSSingleDomainSampler.start_epoch = 0",
        "RealHNSSingleDomainSampler.candidate_fraction = 1.0",
        "RealHNSSingleDomainSampler.n_clusters = 6",
    ],
}
CURRICULUM = [
    "CurricularSampler.candidate_fraction = 0.5",
    "step_curriculum.interval = 1",
    "step_curriculum.end_epoch = 3",
]
BACKBONES = list(load_recipe("recipes/backbones.gin").graphs)

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CCD_CACHE", str(tmp_path))


def load(recipe, variant, device, *bindings):
    """The variant's (experiment, data) on ``device``."""
    settings = [*TINY, f"Experiment.device = '{device}'", *bindings]
    graph = load_recipe(recipe, only=[variant], bindings=settings).graphs[variant]
    return graph.factory()(), graph.root["dataset"].value.factory()([])


def train(recipe, variant, *bindings):
    """Test recall@20 after a few epochs, on the CPU and on the device."""
    found = []
    for device in ("cpu", DEVICE):
        experiment, data = load(recipe, variant, device, "Trainer.epochs = 8", *bindings)
        outcome, _ = run(experiment, data, 1)
        found.append(outcome.test.means["recall@20"])
    assert outcome.trained.representations.users.device.type == torch.device(DEVICE).type
    return found


def alike(recalls):
    """Streams differ by device; another seed on the CPU moved these small worlds by a third."""
    return recalls[1] > 0.6 * recalls[0]


@needs_cuda
@pytest.mark.parametrize("name", BACKBONES)
def test_representations_are_those_of_the_cpu(name):
    """Of equal weights, within float32's rounding: TF32 would be a thousandth off."""
    models = []
    for device in ("cpu", DEVICE):
        experiment, data = load("recipes/backbones.gin", name, device)
        models.append(experiment.assemble(data, 1))
    models[1].load_state_dict(models[0].state_dict())
    expected, found = (model.infer() for model in models)
    for there, here in zip(found[:2], expected[:2], strict=True):
        torch.testing.assert_close(there.cpu(), here, atol=1e-5, rtol=1e-4)


@needs_cuda
@pytest.mark.parametrize("name", BACKBONES)
def test_backbones_train(name):
    assert alike(train("recipes/backbones.gin", name))


@needs_cuda
@pytest.mark.parametrize("name", ["CCDRec(LATTICE)", "CCDRec(FREEDOM)", "CCDRec(MCDRec)"])
def test_ccdrec_trains(name):
    assert alike(train("recipes/table2.gin", name, *CURRICULUM))


@needs_cuda
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_samplers_draw(sampler):
    chosen = [f"Experiment.sampler = @{sampler}", "LossMix.hard_weight = 0.5"]
    assert alike(train("recipes/backbones.gin", "FREEDOM", *chosen, *SAMPLERS[sampler]))


@needs_cuda
def test_ccdrec_in_a_softmax():
    variant = "FREEDOM+softmax+DMA+NDI+CNS"
    assert alike(train("recipes/softmax_freedom.gin", variant, *CURRICULUM[1:]))


def test_every_sampler_is_tried():
    """CCDRec draws with those of the curriculum."""
    tried = {*SAMPLERS, "CurricularSampler", "SharedCurricularSampler"}
    assert tried == {component.name for component in components("sampler")}


def unet(device, **settings):
    rng = torch.Generator(device).manual_seed(0)
    return UNetEstimator(64, 2, rng, torch.device(device), **settings)


def estimate(model, device):
    """Estimates of ten rows and the gradients of the weights, on the CPU."""
    rng = torch.Generator().manual_seed(1)
    x_t, encoded = torch.randn(10, 64, generator=rng), torch.randn(10, 2, 64, generator=rng)
    rows = (x_t.to(device), torch.arange(10, device=device), encoded.to(device))
    found = model(*rows)
    gradients = torch.autograd.grad(found.square().sum(), list(model.parameters()))
    return [tensor.cpu() for tensor in (found.detach(), *gradients)]


@needs_cuda
def test_the_u_net_estimates_as_on_the_cpu():
    here, there = unet("cpu", dropout=0.0), unet(DEVICE, dropout=0.0)
    there.load_state_dict(here.state_dict())
    with torch.backends.cudnn.flags(allow_tf32=False):
        found = estimate(there, DEVICE)
    for one, other in zip(estimate(here, "cpu"), found, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-3)


@needs_cuda
def test_what_the_u_net_computes_anew_is_what_it_computed(monkeypatch):
    """Dropout draws the same again, from the device's own stream."""
    monkeypatch.setattr("ccd.diffusion.unet._GPU_BLOCK", 4)
    kept, anew = unet(DEVICE, dropout=0.5), unet(DEVICE, dropout=0.5, kept_rows=0)
    with torch.backends.cudnn.flags(allow_tf32=False):
        pairs = zip(estimate(kept, DEVICE), estimate(anew, DEVICE), strict=True)
        for one, other in pairs:
            torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-3)

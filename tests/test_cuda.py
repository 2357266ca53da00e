"""Every recommender and sampler on a CUDA device; skipped where there is none."""

import pytest
import torch

from ccd.config.recipe import load_recipe

DEVICE = "cuda"
TINY = [
    "planted_world.n_users = 200",
    "planted_world.n_items = 120",
    "planted_world.n_clusters = 6",
]
HARD = "LossMix.hard_weight = 0.5"
SAMPLERS = {
    "popularity": [HARD],
    "dns": [HARD],
    "mixgcf": [HARD],
    "srns": [HARD],
    "realhns_sd": [
        HARD,
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

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CCD_CACHE", str(tmp_path))


def load(recipe, variant, device, *bindings, **options):
    """The variant's (experiment, data) on ``device``."""
    settings = [*TINY, f"Experiment.device = '{device}'", *bindings]
    graph = load_recipe(recipe, only=[variant], bindings=settings, **options).graphs[variant]
    return graph.factory()(), graph.root["dataset"].value.factory()([])


def train(*given, **options):
    """The outcome of a few epochs."""
    experiment, data = load(*given, "Trainer.epochs = 5", **options)
    return experiment.run(data, 1, lambda epoch: None)


def check(outcome):
    final = outcome.trained.representations
    assert final.users.device.type == torch.device(DEVICE).type
    assert bool(final.users.isfinite().all() & final.items.isfinite().all())
    assert outcome.test.means["recall@20"] > 0


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


@pytest.mark.parametrize("name", BACKBONES)
def test_backbones_train(name):
    check(train("recipes/backbones.gin", name, DEVICE))


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_samplers_draw(sampler):
    module = f"gin/modules/{sampler}.gin"
    given = ("recipes/backbones.gin", "FREEDOM", DEVICE, *SAMPLERS[sampler])
    check(train(*given, with_files=[module]))


@pytest.mark.parametrize("name", ["CCDRec(LATTICE)", "CCDRec(FREEDOM)", "CCDRec(MCDRec)"])
def test_ccdrec_trains(name):
    check(train("recipes/table2.gin", name, DEVICE, *CURRICULUM))

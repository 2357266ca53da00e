import pytest

from ccd.backbones.bpr_mf import BPRMF
from ccd.backbones.freedom import FREEDOM
from ccd.errors import ConfigError
from ccd.negatives.curricular import CurricularSampler
from ccd.negatives.dns import DNSSampler
from ccd.negatives.mixgcf import MixGCFSampler
from tests.backbones.worlds import dataset
from tests.training.parts import CNS, experiment, train


class Blind(BPRMF):
    trains_on_negatives = False


def test_the_rule():
    assert DNSSampler.misfit(BPRMF) is None
    assert CurricularSampler.misfit(FREEDOM) is None
    assert DNSSampler.misfit(Blind) == "trains without sampled negatives"
    assert "offers no higher-order item rep" in CurricularSampler.misfit(BPRMF)


@pytest.mark.parametrize(
    ("backbone", "sampler", "said"),
    [
        (Blind, DNSSampler, "Blind trains without sampled negatives; set Experiment.sampler"),
        (BPRMF, CNS, "BPRMF offers no higher-order item representation"),
        (None, CNS, "CurricularSampler needs pools.*add the modules 'dma' and 'ndi'"),
    ],
)
def test_an_impossible_pair_is_refused_before_training(backbone, sampler, said):
    built = experiment(sampler=sampler)
    built.backbone = backbone or built.backbone
    with pytest.raises(ConfigError, match=said):
        built.assemble(dataset(), 0)


@pytest.mark.parametrize("sampler", [DNSSampler, MixGCFSampler])
@pytest.mark.parametrize("backbone", [BPRMF, None])
def test_a_possible_pair_trains(sampler, backbone):
    built = experiment(sampler=sampler)
    built.backbone = backbone or built.backbone
    _, epochs = train(built)
    assert {"random", "hard"} <= set(epochs[-1].losses)
    assert epochs[-1].losses["random"] < epochs[0].losses["random"]

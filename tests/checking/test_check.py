"""``ccd check``: ccd's own parts keep their contracts, wrong ones are found and called so."""

import json
import sys

import pytest
import torch

from ccd import catalogue, registry
from ccd.checking.check import check
from ccd.cli import main
from ccd.errors import ConfigError
from ccd.registry import components, find

catalogue.load()

CHECKED = [
    component
    for family in ("sampler", "backbone", "noise_schedule", "curriculum", "metric", "pruning")
    for component in components(family)
    if component.name != "ScoreFile"  # it reads a file of lists
]
PARTS = '''
"""Parts with a fault each."""

import torch

from ccd.backbones.base import Backbone, Representations
from ccd.backbones.bpr_mf import BPRMF
from ccd.backbones.initial import xavier_uniform
from ccd.backbones.world import World
from ccd.negatives.base import ItemNegatives
from ccd.negatives.uniform import UniformSampler
from ccd.registry import component

calls = []


@component("sampler")
class ReturnsPositives(UniformSampler):
    """One."""

    def sample(self, users, positives, negatives, context):
        return ItemNegatives(positives)


@component("sampler")
class ReturnsSomePositives(UniformSampler):
    """One."""

    def sample(self, users, positives, negatives, context):
        catalogue = self._world.catalogue
        drawn = torch.randint(len(catalogue), (len(users),), generator=self._world.rng)
        return ItemNegatives(catalogue[drawn])


@component("sampler")
class DrawsGlobally(UniformSampler):
    """One."""

    def sample(self, users, positives, negatives, context):
        return ItemNegatives(self._world.random.draw(users, torch.default_generator))


@component("sampler")
class ReturnsTooFew(UniformSampler):
    """One."""

    def sample(self, users, positives, negatives, context):
        return ItemNegatives(negatives[1:])


@component("sampler")
class SortsItsArguments(UniformSampler):
    """One."""

    def sample(self, users, positives, negatives, context):
        negatives.copy_(self._world.random.draw(users, self._world.rng))
        return ItemNegatives(negatives.clone())


@component("sampler")
class Raises(UniformSampler):
    """One."""

    def sample(self, users, positives, negatives, context):
        return ItemNegatives(context.epoch_ends.items)


@component("backbone")
class GlobalWeights(BPRMF):
    """One."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        torch.nn.init.normal_(self.user_embeddings)


@component("backbone")
class UnfilledWeights(Backbone):
    """One."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        xavier_uniform(self.user_embeddings, world.rng)

    def forward(self, fusion=None, rows=None):
        return Representations(self.user_embeddings, self.item_embeddings)


@component("backbone")
class IgnoresRows(BPRMF):
    """One."""

    def forward(self, fusion=None, rows=None):
        return Representations(self.user_embeddings, self.item_embeddings)


@component("backbone")
class FirstRows(BPRMF):
    """One."""

    def forward(self, fusion=None, rows=None):
        if rows is None:
            return Representations(self.user_embeddings, self.item_embeddings)
        users, items = len(rows.users), len(rows.items)
        return Representations(self.user_embeddings[:users], self.item_embeddings[:items])


@component("backbone")
class GlobalDropout(BPRMF):
    """One."""

    def forward(self, fusion=None, rows=None):
        users, items, _ = super().forward(fusion, rows)
        return Representations(torch.dropout(users, 0.5, train=self.training), items)


@component("backbone")
class DropoutInInference(BPRMF):
    """One."""

    def forward(self, fusion=None, rows=None):
        users, items, _ = super().forward(fusion, rows)
        return Representations(torch.dropout(users, 0.5, train=True), items)


@component("backbone")
class HiddenState(BPRMF):
    """One."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.scale = torch.rand(1, generator=world.rng) + 0.5

    def forward(self, fusion=None, rows=None):
        users, items, _ = super().forward(fusion, rows)
        return Representations(users * self.scale, items)


@component("backbone")
class VectorLoss(BPRMF):
    """One."""

    def own_loss(self, step):
        return step.users.sum(dim=1)


@component("backbone")
class NormOfABatch(BPRMF):
    """One."""

    splits = True

    def own_loss(self, step):
        return step.users.norm() / len(step.users)


@component("noise_schedule")
def float32_betas(steps: int) -> torch.Tensor:
    """One."""
    return torch.full((steps,), 0.01)


@component("curriculum")
def backward_curriculum(epoch: int, n_pools: int) -> int:
    """One."""
    return max(0, n_pools - epoch)


@component("curriculum")
def counting_curriculum(epoch: int, n_pools: int) -> int:
    """One."""
    calls.append(epoch)
    return min(len(calls) // 450, n_pools)


@component("metric")
def whole_list(hits: torch.Tensor, k: int, relevant: torch.Tensor) -> torch.Tensor:
    """One."""
    return hits.mean(dim=1)
'''
FAULTS = {
    "ReturnsPositives": ("No negative is a training positive", "in epoch 0"),
    "ReturnsSomePositives": ("No negative is a training positive", "in epoch 0"),
    "DrawsGlobally": ("Draws come from world.rng alone", "is it a global generator"),
    "ReturnsTooFew": ("There is an item id", "torch.int64 for"),
    "SortsItsArguments": ("What it is given stays", "clone it first"),
    "Raises": ("There is an item id", "AttributeError: "),
    "GlobalWeights": ("Initial weights come from world.rng alone", "'user_embeddings' differs"),
    "UnfilledWeights": ("Initial weights come", "'item_embeddings' is left without"),
    "IgnoresRows": ("With rows, forward gives", "rows is ignored"),
    "FirstRows": ("With rows, forward gives", "are those of other users"),
    "GlobalDropout": ("An epoch draws only", "is a global generator drawn from?"),
    "DropoutInInference": ("Inference draws nothing", "is a dropout left on"),
    "HiddenState": ("state_dict is all of the model", "in no parameter and no buffer"),
    "VectorLoss": ("own_loss is None or a finite scalar", "it is ["),
    "NormOfABatch": ("Where it says that it splits", "on average for its halves"),
    "float32_betas": ("It gives a float64 beta", "torch.float32 for 1 steps"),
    "backward_curriculum": ("It never goes back", "it does with 1 pools"),
    "counting_curriculum": ("It never goes back", "it keeps a state"),
    "whole_list": ("It gives a finite number per user", "it looks behind the first 1"),
}


@pytest.fixture
def parts(tmp_path, monkeypatch):
    """The module with faulty parts, in the current folder; they leave the registry again."""
    monkeypatch.setattr(registry, "_COMPONENTS", dict(registry._COMPONENTS))
    monkeypatch.setenv("CCD_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "faulty.py").write_text(PARTS)
    yield "faulty"
    sys.modules.pop("faulty", None)


def ended(monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["ccd", "check", *words])
    with pytest.raises(SystemExit) as stopped:
        main()
    return stopped.value.code


@pytest.mark.parametrize("component", CHECKED, ids=lambda c: c.name)
def test_ccd_s_own_parts_keep_their_contracts(component, tmp_path, monkeypatch):
    monkeypatch.setenv("CCD_CACHE", str(tmp_path))
    before = torch.get_rng_state()
    found = check(component)
    assert [finding for finding in found if finding.fault] == []
    assert found[-1].rule.startswith("It trains two epochs")
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found_and_named(name, parts, monkeypatch, capsys):
    rule, fault = FAULTS[name]
    assert ended(monkeypatch, f"faulty.{name}", "--allow-import", "faulty", "--json") == 1
    told = json.loads(capsys.readouterr().out)
    broken = {each["rule"]: each["fault"] for each in told["rules"] if not each["kept"]}
    (said,) = (text for each, text in broken.items() if each.startswith(rule))
    assert fault in said


def test_people_read_marks_and_a_count(parts, monkeypatch, capsys):
    words = ["faulty.ReturnsPositives", "--allow-import", "faulty"]
    assert ended(monkeypatch, *words) == 1
    out = " ".join(capsys.readouterr().out.split())
    assert "ReturnsPositives (sampler)" in out
    assert "broken No negative is a training positive of its user." in out
    assert "4 of 6 rules are kept" in out
    assert ended(monkeypatch, "linear_betas", "--set", "linear_betas.beta_end = 0.1") == 0
    assert "3 of 3 rules are kept" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["faulty.Raises"], "add --allow-import faulty"),
        (["nowhere.Raises", "--allow-import", "nowhere"], "importing 'nowhere' failed"),
        (["DNSSamplr"], "did you mean DNSSampler?"),
        (["wilcoxon"], "a paired_test has no place in a model"),
        (["DNSSampler", "--set", "DNSSampler.n_candidate = 3"], "no parameter 'n_candidate'"),
    ],
)
def test_what_cannot_be_checked_is_refused(words, says, parts, monkeypatch, capsys):
    assert ended(monkeypatch, *words) == 2
    assert says in capsys.readouterr().err


def test_a_backbone_of_another_class_is_refused(parts):
    @registry.component("backbone")
    class Foreign:
        """One."""

        def __init__(self, world: object) -> None:
            pass

    with pytest.raises(ConfigError, match="derive it from"):
        check(find("Foreign"))

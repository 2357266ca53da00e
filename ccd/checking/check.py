"""Check one part: wired into the paper's model on generated data, by the rules of its family."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from ccd.backbones.base import Backbone
from ccd.backbones.untrained import Untrained
from ccd.checking.backbones import RULES as BACKBONE_RULES
from ccd.checking.backbones import CheckedBackbone
from ccd.checking.contract import Finding, findings
from ccd.checking.functions import FUNCTION_RULES
from ccd.checking.planted import SIZES, global_seed
from ccd.checking.samplers import RULES as SAMPLER_RULES
from ccd.checking.samplers import CheckedSampler
from ccd.config.annotations import slot_families
from ccd.config.graph import ConfigGraph, Node
from ccd.config.recipe import load_recipe
from ccd.datasets.dataset import Dataset
from ccd.errors import ConfigError
from ccd.experiment import Experiment
from ccd.registry import Component

_RECIPE = "recipes/ablation_freedom.gin"
_BASE, _FULL = "FREEDOM", "FREEDOM+DMA+NDI+CNS"
_BINDINGS = (
    *SIZES,
    "Trainer.epochs = 2",
    "Experiment.threads = 1",
)


def check(part: Component, *, bindings: Sequence[str] = ()) -> list[Finding]:
    """What the contract of its family asks of ``part``, and whether it keeps it.

    Args:
        part: A registered component.
        bindings: Texts such as ``MySampler.n_candidates = 8``: settings to check it with.

    Raises:
        ConfigError: It has no place in a model that is trained, or a setting is wrong.
    """
    graph = _wired(part, bindings)
    with global_seed(0):  # whoever calls this keeps the state of these generators
        return _found(part, graph)


def _found(part: Component, graph: ConfigGraph) -> list[Finding]:
    dataset = graph.root["dataset"].value.factory()([])
    made = next(node for node in graph.nodes() if node.component is part).factory()
    found: list[Finding] = []
    if part.family == "sampler":
        found = findings(CheckedSampler(made, dataset), SAMPLER_RULES)
    elif part.family == "backbone":
        experiment: Experiment = graph.factory()()
        # Its rules are about weights, which one that only counts has not.
        counts = isinstance(part.target, type) and issubclass(part.target, Untrained)
        rules = () if counts else BACKBONE_RULES
        found = findings(CheckedBackbone(made, experiment, dataset), rules)
    elif part.family in FUNCTION_RULES:
        found = findings(made, FUNCTION_RULES[part.family])

    def trains(graph: ConfigGraph) -> Iterator[str]:
        """It trains two epochs, and one seed gives the same numbers again."""
        yield from _trained_twice(graph, dataset)

    return [*found, *findings(graph, (trains,))]


def _trained_twice(graph: ConfigGraph, dataset: Dataset) -> Iterator[str]:
    runs = []
    for seed in (1, 2):
        experiment: Experiment = graph.factory()()
        with global_seed(seed), experiment.start(dataset, seed=0) as training:
            epochs = [(epoch.losses, epoch.valid) for epoch in training]
            runs.append((epochs, training.trained.representations))
    (losses, first), (others, second) = runs
    pairs = zip(first[:2], second[:2], strict=True)
    same = all(torch.equal(a.to_dense(), b.to_dense()) for a, b in pairs)
    if losses != others or not same:
        yield "two runs under one seed differ: is a global generator drawn from?"


def _wired(part: Component, bindings: Sequence[str]) -> ConfigGraph:
    """The config graph of a model that has ``part`` in it."""
    variant = _FULL
    own: list[str] = []
    if part.family == "backbone":
        variant = _BASE
        target = part.target
        if not (isinstance(target, type) and issubclass(target, Backbone)):
            raise ConfigError(
                f"backbone '{part.name}' is no Backbone",
                keys=(part.name,),
                hint="derive it from ccd.backbones.base.Backbone",
            )
        own = ["Experiment.sampler = None"] * (not target.trains_on_negatives)
    plain = load_recipe(_RECIPE, bindings=_BINDINGS, only=[variant]).selected_graphs[variant]
    if not any(node.component is part for node in plain.nodes()):
        own.append(_binding(plain, part))
    texts = [*_BINDINGS, *own, *bindings]
    return load_recipe(_RECIPE, bindings=texts, only=[variant]).selected_graphs[variant]


def _binding(graph: ConfigGraph, part: Component) -> str:
    """The statement that puts ``part`` into the model's slot for its family."""
    for node in graph.nodes():
        for parameter in node.parameters:
            setting = node.component.settings[parameter.name]
            if part.family in slot_families(setting.annotation):
                value = f"@{part.name}"
                if isinstance(parameter.value, dict):
                    held = {k: v for k, v in parameter.value.items() if isinstance(v, Node)}
                    value = f"{{{next(iter(held))!r}: {value}}}"
                return f"{node.key}.{parameter.name} = {value}"
    raise ConfigError(
        f"a {part.family} has no place in a model that is trained, so there is nothing to check",
        keys=(part.name,),
        hint="'ccd list' shows the families",
    )

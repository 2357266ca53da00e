"""The contract of backbones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ccd.backbones.base import Backbone, Batch, Representations, Rows, Step
from ccd.backbones.world import World
from ccd.checking.contract import Rule
from ccd.checking.planted import backbone_world, global_seed
from ccd.datasets.dataset import Dataset
from ccd.experiment import Experiment
from ccd.ranks.share import splits


@dataclass(frozen=True)
class CheckedBackbone:
    """A backbone as its rules see it.

    Attributes:
        make: Builds it on a world.
        experiment: Gives the parts that it is built on.
        dataset: The generated data set.
    """

    make: Callable[[World], Backbone]
    experiment: Experiment
    dataset: Dataset

    def built(self, seed: int = 0) -> Backbone:
        """An untrained model whose first epoch has begun."""
        model = self.make(backbone_world(self.experiment, self.dataset, seed))
        model.start_epoch(torch.Generator().manual_seed(0))
        return model


def fills_its_weights(part: CheckedBackbone) -> Iterator[str]:
    """Initial weights come from world.rng alone, and none is left out."""
    states = []
    for seed, other in ((0, 1), (0, 2), (5, 1)):
        with global_seed(other):
            states.append(part.built(seed).state_dict())
    first, again, different = states
    for name, weights in first.items():
        if not bool(weights.isfinite().all()):
            yield f"'{name}' is left without initial weights"
        elif not torch.equal(weights, again[name]):
            yield f"'{name}' differs under one seed: it is not from world.rng"
    if torch.equal(first["user_embeddings"], different["user_embeddings"]):
        yield "user_embeddings are the same under another seed"


def gives_all_rows(part: CheckedBackbone) -> Iterator[str]:
    """Without rows, forward gives a row for each user and item, of one width."""
    output = part.built()()
    for what, table, n in (
        ("user", output.users, part.dataset.n_users),
        ("item", output.items, part.dataset.n_items),
    ):
        if len(table) != n:
            yield f"{len(table)} {what} rows for {n} {what}s"
    if output.users.shape[1:] != output.items.shape[1:]:
        yield f"users {list(output.users.shape)} and items {list(output.items.shape)}"


def honours_rows(part: CheckedBackbone) -> Iterator[str]:
    """With rows, forward gives those of the users and items named, in their order."""
    model = part.built().eval()
    rows = Rows(torch.tensor([7, 0, 31, 4]), torch.tensor([2, 55, 9]))
    chosen, whole = model(rows=rows), model()
    for what, table, expected in (
        ("user", chosen.users, whole.users[rows.users]),
        ("item", chosen.items, whole.items[rows.items]),
    ):
        if table.shape != expected.shape:
            yield f"{len(table)} {what} rows where {len(expected)} were asked for: rows is ignored"
        elif not torch.allclose(table, expected, atol=1e-5, rtol=1e-4):
            yield f"the {what} rows are those of other {what}s"


def infers_alike(part: CheckedBackbone) -> Iterator[str]:
    """Inference draws nothing: twice the same is the same."""
    model = part.built().eval()
    outputs = []
    for seed in (1, 2):
        with global_seed(seed):
            outputs.append(model())
    if not all(map(torch.equal, outputs[0][:2], outputs[1][:2])):
        yield "two inferences of one model differ: is a dropout left on in evaluation mode?"


def trains_by_the_stream(part: CheckedBackbone) -> Iterator[str]:
    """An epoch draws only from the generator that start_epoch is given."""
    losses = []
    for seed in (1, 2):
        with global_seed(seed):
            model = part.built().train()
            losses.append(torch.cat([table.flatten() for table in _step(model).output[:2]]))
    if not torch.equal(*losses):
        yield "two epochs under one seed differ: is a global generator drawn from?"


def trains_every_embedding(part: CheckedBackbone) -> Iterator[str]:
    """A loss over all representations reaches every embedding that is to be trained."""
    model = part.built().eval()
    output = model()
    (output.users.square().sum() + output.items.square().sum()).backward()
    tables = {"user_embeddings": model.user_embeddings}
    if model.has_item_embeddings:
        tables["item_embeddings"] = model.item_embeddings
    for name, table in tables.items():
        grad: Tensor | None = table.grad
        if table.requires_grad and (grad is None or not bool(grad.any(dim=1).all())):
            yield f"some rows of {name} have no gradient"


def keeps_state_in_weights(part: CheckedBackbone) -> Iterator[str]:
    """state_dict is all of the model: a fresh one with its weights infers the same."""
    trained, fresh = part.built().train(), part.built(5)
    trained()
    fresh.load_state_dict(trained.state_dict())
    ours, theirs = trained.eval()(), fresh.eval()()
    if not all(
        torch.allclose(a, b, atol=1e-5, rtol=1e-4)
        for a, b in zip(ours[:2], theirs[:2], strict=True)
    ):
        yield "it differs: something that it learned or drew is in no parameter and no buffer"


def has_a_scalar_loss(part: CheckedBackbone) -> Iterator[str]:
    """own_loss is None or a finite scalar; it is there where sampled negatives are not used."""
    model = part.built().train()
    loss = model.own_loss(_step(model))
    if loss is None:
        if not model.trains_on_negatives:
            yield "it is None, and trains_on_negatives is False: nothing is learned"
    elif loss.dim() or not bool(loss.isfinite()):
        yield f"it is {loss.tolist()}"


def splits_as_it_says(part: CheckedBackbone) -> Iterator[str]:
    """Where it says that it splits, own_loss is a mean of what each triplet adds."""
    model = part.built().eval()
    if not splits(model):
        return
    losses = [model.own_loss(_step(model, rows)) for rows in _HALVES]
    whole, *halves = (torch.zeros(()) if loss is None else loss for loss in losses)
    mean = torch.stack(halves).mean()
    if not torch.allclose(whole, mean, atol=1e-6, rtol=1e-4):
        yield f"it is {whole:.6g} for a batch and {mean:.6g} on average for its halves"


_TRIPLETS = 20
_HALVES = (slice(None), slice(_TRIPLETS // 2), slice(_TRIPLETS // 2, None))


def _step(model: Backbone, rows: slice = slice(None)) -> Step:
    """A step on these of the triplets."""
    every, output = torch.arange(_TRIPLETS), model()
    batch = Batch(every[rows], every[rows], every.flip(0)[rows])
    found = (
        output.users[batch.users],
        output.items[batch.positives],
        output.items[batch.negatives],
    )
    return Step(batch, batch, *found, Representations(*output))


RULES: tuple[Rule[CheckedBackbone], ...] = (
    fills_its_weights,
    gives_all_rows,
    honours_rows,
    infers_alike,
    trains_by_the_stream,
    trains_every_embedding,
    keeps_state_in_weights,
    has_a_scalar_loss,
    splits_as_it_says,
)

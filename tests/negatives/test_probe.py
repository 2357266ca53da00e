import pytest
import torch

from ccd.backbones.base import Batch, Representations
from ccd.graphs.items_by_user import ItemsByUser
from ccd.negatives.base import ItemNegatives, MadeUpNegatives
from ccd.negatives.probe import NegativeProbe, Triplets, measure

USERS = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
ITEMS = torch.tensor([[1.0, 0.0], [0.0, 2.0], [1.0, 1.0], [-1.0, 0.0]])
HELD_OUT = ItemsByUser(torch.tensor([0]), torch.tensor([2]), 2, 4)


def ids(*values):
    return torch.tensor(values)


def test_measures_by_hand():
    triplets = Triplets(ids(0, 0), ids(0, 0), ids(3, 3), ids(2, 2))
    found = measure(triplets, Representations(USERS, ITEMS), HELD_OUT, 0.5)
    assert found["hard_to_positive_50"] == pytest.approx(2**-0.5)
    assert found["hard_to_user_10"] == pytest.approx(2**-0.5)
    assert found["random_to_positive_90"] == pytest.approx(-1)
    assert (found["hard_false"], found["random_false"]) == (1.0, 0.0)
    assert (found["hard_repeats"], found["random_repeats"]) == (0.5, 0.5)
    # Score differences are 1 - 1 = 0 and 1 - (-1) = 2.
    pull = torch.sigmoid(torch.tensor([0.0, -2.0]))
    assert found["hard_gradient"] == pytest.approx((pull[0] / pull.sum()).item())


def test_gradient_share_is_that_of_autograd():
    rng = torch.Generator().manual_seed(0)
    users, items = torch.randn(6, 3, generator=rng), torch.randn(9, 3, generator=rng)
    triplets = Triplets(*(torch.randint(6, (20,), generator=rng) for _ in range(4)))
    found = measure(triplets, Representations(users, items), HELD_OUT, 0.3)
    anchors = users[triplets.users]
    gradients = []
    for negatives, weight in ((triplets.hards, 0.3), (triplets.randoms, 0.7)):
        difference = (anchors * (items[triplets.positives] - items[negatives])).sum(1)
        difference.requires_grad_()
        (-weight * torch.nn.functional.logsigmoid(difference).sum()).backward()
        gradients.append(difference.grad.abs().sum())
    assert found["hard_gradient"] == pytest.approx((gradients[0] / sum(gradients)).item())


def test_the_first_triplets_of_an_epoch_are_remembered_and_then_forgotten():
    probe = NegativeProbe(HELD_OUT, 0.5, triplets=3)
    final = Representations(USERS, ITEMS)
    assert probe.measure(final) is None
    for hards in (ids(2, 0), ids(2, 3), ids(0, 0)):  # of the second, only its first row
        probe.see(Batch(ids(0, 1), ids(0, 1), ids(3, 3)), ItemNegatives(hards))
    assert probe.measure(final)["hard_false"] == pytest.approx(2 / 3)
    assert probe.measure(final) is None


def test_a_batch_that_is_seen_twice_counts_once():
    probe, batch = NegativeProbe(HELD_OUT, 0.5), Batch(ids(0, 1), ids(0, 1), ids(2, 3))
    for _ in range(2):  # as Mirror Gradient does
        probe.see(batch, ItemNegatives(ids(1, 0)))
    assert probe.measure(Representations(USERS, ITEMS))["random_repeats"] == 0.0


def test_made_up_representations_are_no_items():
    probe = NegativeProbe(HELD_OUT, 0.5)
    probe.see(Batch(ids(0), ids(0), ids(3)), MadeUpNegatives(torch.ones(1, 2)))
    assert probe.measure(Representations(USERS, ITEMS)) is None


def test_training_records_it_and_is_not_changed_by_it(finished_folder, tmp_path, monkeypatch):
    import ccd
    from ccd.finished.runs import choose_run

    monkeypatch.setenv("CCD_CACHE", str(tmp_path / "cache"))
    run = choose_run(finished_folder, "FREEDOM+DMA+NDI+CNS", 1)
    assert all(0 <= record.negatives["hard_gradient"] <= 1 for record in run.history)
    name = run.result.variant
    without = ccd.run(
        finished_folder / "config.gin", only=[name], seeds=(1,), out=tmp_path / "run",
        bindings=["Experiment.probe = None"],
    )  # fmt: skip
    assert without.results[0].test == run.result.test
    assert choose_run(tmp_path / "run", name, 1).history[0].negatives is None

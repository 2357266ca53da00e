import io
import json
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from ccd.datasets.dataset import Interactions
from ccd.errors import ConfigError
from ccd.finished.inspection import Inspection, index_of, inspect_negatives
from ccd.finished.runs import choose_run
from ccd.runs.history import MEASURES
from ccd.views.inspection_text import InspectedView

CCDREC = "FREEDOM+DMA+NDI+CNS"
POOLS = ["random", "pool 2/4", "pool 3/4", "pool 4/4", "final"]


def shown(found):
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(InspectedView(found))
    return console.export_text()


def test_what_training_recorded_is_shown_pool_by_pool(finished_folder):
    found = inspect_negatives(choose_run(finished_folder, CCDREC, 1), user=None, epoch=None)
    assert found.recorded
    assert [(stage.source.label, stage.first) for stage in found.stages] == list(
        zip(POOLS, range(5), strict=True)
    )
    assert found.stages[0].measures["hard_to_user_50"] == pytest.approx(
        found.stages[0].measures["random_to_user_50"]
    )  # epoch 0 has random negatives only
    recorded = choose_run(finished_folder, CCDREC, 1).history[1].negatives
    assert set(recorded) == set(MEASURES)
    text = shown(found)
    assert "as recorded in training" in text
    assert "pool 4/4" in text
    assert json.loads(json.dumps(found.to_json()))["stages"]


def test_one_epoch_and_one_user(finished_folder):
    run = choose_run(finished_folder, CCDREC, 1)
    found = inspect_negatives(run, user="7", epoch=4)
    assert [stage.source.label for stage in found.stages] == ["final"]
    assert found.user.endswith("negatives of epoch 4: final, drawn anew from the model of epoch 4")
    assert sum(item.share for item in found.items) == pytest.approx(1)
    inspection = Inspection(run, run.dataset())
    liked = inspection.seen.of(inspection.final.users.new_tensor([7]).long())[1].tolist()
    assert not {int(item.item) for item in found.items} & set(liked)
    assert "drawn" in shown(found)


def test_items_are_called_by_name_where_the_data_set_has_names(finished_folder):
    run = choose_run(finished_folder, CCDREC, 1)
    assert "name" not in shown(inspect_negatives(run, user="7", epoch=4)).split()
    plain = run.dataset()
    names = tuple(f"Toy {item}" for item in range(plain.n_items))
    object.__setattr__(run, "dataset", lambda _: replace(plain, item_names=names))
    found = inspect_negatives(run, user="7", epoch=4)
    assert all(item.name == f"Toy {item.item}" for item in found.items)
    assert f"{found.items[0].item} (" not in found.user
    assert "(Toy " in found.user
    assert f"Toy {found.items[0].item}" in shown(found)
    assert found.to_json()["items"][0]["name"].startswith("Toy ")


def test_a_run_without_records_is_drawn_anew(finished_folder):
    run = choose_run(finished_folder, CCDREC, 1)
    run.__dict__["history"] = [replace(record, negatives=None) for record in run.history]
    found = inspect_negatives(run, user=None, epoch=None)
    assert not found.recorded
    assert [stage.source.label for stage in found.stages] == POOLS
    assert "drawn anew from the model" in shown(found)
    hardest, easiest = found.stages[-1].measures, found.stages[0].measures
    assert hardest["hard_to_positive_50"] > easiest["hard_to_positive_50"]


def test_unknown_epochs_and_users_are_refused(finished_folder):
    run = choose_run(finished_folder, CCDREC, 1)
    with pytest.raises(ConfigError, match="epochs 0 to 4, got --epoch 5"):
        inspect_negatives(run, user=None, epoch=5)
    with pytest.raises(ConfigError, match="ids are 0 to 59"):
        inspect_negatives(run, user="60", epoch=None)
    with pytest.raises(ConfigError, match="did you mean A12"):
        index_of("A13", ("A12", "B7"), 2)
    assert index_of("B7", ("A12", "B7"), 2) == 1


@pytest.mark.parametrize("name", ["007", "٣", "+7", " 7", "7.0", "-1", "60"])
def test_only_the_plain_form_of_a_number_is_a_position(name):
    with pytest.raises(ConfigError, match="its ids are 0 to 59"):
        index_of(name, (), 60)


def test_a_user_who_has_seen_all_items_has_no_negatives(finished_folder):
    run = choose_run(finished_folder, CCDREC, 1)
    plain = run.dataset()
    rest = np.setdiff1d(np.arange(plain.n_items), plain.train.items[plain.train.users == 7])
    more = Interactions(
        np.concatenate([plain.train.users, np.full(len(rest), 7)]),
        np.concatenate([plain.train.items, rest]),
    )
    object.__setattr__(run, "dataset", lambda _: replace(plain, train=more))
    assert not (Inspection(run, run.dataset(None)).pairs[0] == 7).any()
    with pytest.raises(ConfigError, match="user 7 has interacted with every training item"):
        inspect_negatives(run, user="7", epoch=4)

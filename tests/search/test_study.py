"""Studies from end to end, with a pretended trainer."""

import optuna
import pytest
from optuna.trial import TrialState

from ccd.errors import ConfigError, NumericError
from ccd.runs.signals import Halt
from ccd.search.failures import Failure
from ccd.search.launch import begin
from ccd.search.pruners import Resources, hyperband_pruner
from ccd.search.studies import find_study
from ccd.search.study import BINDINGS, OUTCOME, SLOT
from ccd.search.summary import best_trials, ended_trials, importances, summarise
from ccd.search.target import Target
from ccd.search.worker import DATA, Worker
from tests.search.conftest import SPACE, searched, train


def bindings_of(opened):
    return [trial.user_attrs[BINDINGS] for trial in opened.study.trials()]


def test_trial_0_is_the_current_setting_and_the_budget_is_met(write):
    opened = searched(write())
    trials = opened.study.trials()
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 8
    assert trials[0].user_attrs[BINDINGS] == {
        "StubTrainer.quality": "0.9",
        "StubTrainer.mode": "'plain'",
    }
    assert trials[0].value == pytest.approx(1 - 0.6**2)
    assert [trial.user_attrs[SLOT] for trial in trials] == list(range(8))
    assert set(importances(opened.study)) == {"StubTrainer.quality", "StubTrainer.mode"}
    best = best_trials(ended_trials(opened.study))[0]
    assert best.value == max(trial.value for trial in trials)
    assert summarise(opened.study).best == best


def test_a_restart_adds_nothing_and_a_larger_budget_the_difference(write):
    first = searched(write(), name="s")
    again = searched(write(), name="s")
    assert len(again.study.trials()) == 8
    assert bindings_of(first) == bindings_of(again)
    assert len(searched(write(), name="s", trials=10).study.trials()) == 10
    assert summarise(find_study("s", None).study).settled == 10


@pytest.mark.parametrize("sampler", ["tpe_search", "random_search", "gp_search", "qmc_search"])
def test_the_same_seed_twice_gives_the_same_trials_also_across_a_restart(write, sampler):
    source = write(SPACE.replace("random_search", sampler))
    whole = searched(source, name="whole", trials=14)
    searched(source, name="parts", trials=5)
    parts = searched(source, name="parts", trials=14)
    assert bindings_of(whole) == bindings_of(parts)
    assert [t.value for t in whole.study.trials()] == [t.value for t in parts.study.trials()]
    assert len({str(b) for b in bindings_of(whole)}) == 14


def test_another_seed_gives_other_trials(write):
    first = searched(write(), name="a")
    second = searched(write(SPACE + "Search.seed = 1\n"), name="b")
    assert bindings_of(first)[0] == bindings_of(second)[0]
    assert bindings_of(first)[1:] != bindings_of(second)[1:]


GRID = """\
Search:
  sampler = @grid_search
  space = {
      'StubTrainer.quality': [0.1, 0.5, 0.9],
      'StubTrainer.bonus': {'low': 0.0, 'high': 0.2, 'step': 0.1},
  }
"""


def test_a_grid_has_every_point_once(write):
    opened = searched(write(GRID))
    assert len({str(b) for b in bindings_of(opened)}) == len(bindings_of(opened)) == 9
    assert bindings_of(opened)[0] == {"StubTrainer.quality": "0.9", "StubTrainer.bonus": "0.0"}


def test_a_grid_beside_the_current_setting_has_one_trial_more(write):
    opened = searched(write(GRID.replace("0.9]", "0.8]")))
    assert bindings_of(opened)[0] == {"StubTrainer.bonus": "0.0"}
    assert opened.study.trials()[0].value == pytest.approx(1 - 0.6**2)
    assert len(bindings_of(opened)) == 10


def test_a_grid_needs_an_end(write):
    with pytest.raises(ConfigError, match=r"own.gin:\d+\n  give it a step"):
        begin(write(GRID.replace(", 'step': 0.1", "")))


def test_a_failing_setting_is_one_failed_trial(write):
    opened = searched(write(GRID.replace("StubTrainer.quality': [0.1, 0.5, 0.9]",
                                         "StubTrainer.fails': [False, True]")))  # fmt: skip
    summary = summarise(opened.study)
    assert (summary.complete, summary.failed, summary.settled) == (3, 3, 6)
    reason = "loss term 'random' became nan in epoch 0"
    assert summary.failures == (Failure("NumericError", reason, 3),)


def test_a_study_whose_every_trial_fails_ends_with_the_reason(write):
    source = write(SPACE, bindings=("StubTrainer.fails = True",))
    opened = begin(source)
    with pytest.raises(
        NumericError,
        match="all 5 trials of this study failed, 5 of them in one way\n  NumericError: loss",
    ):
        train(opened)


def test_a_changed_recipe_needs_a_study_of_its_own(write):
    searched(write(), name="s", trials=1)
    with pytest.raises(ConfigError, match=r"StubTrainer.epochs was 4, now 5"):
        begin(write(bindings=("StubTrainer.epochs = 5",)), name="s")
    with pytest.raises(ConfigError, match=r"Search.space was"):
        begin(write(SPACE.replace("1.0", "0.9")), name="s")


def test_a_recipe_that_is_edited_while_it_is_searched_stops_the_study(write):
    opened = begin(write())

    def edit():
        if opened.study.settled() == 3:
            write(SPACE + "StubTrainer.bonus = 0.5\n")

    with pytest.raises(ConfigError, match=r"StubTrainer.bonus was 0.0, now 0.5"):
        Worker(opened.order, Halt(), edit).work()
    assert len(opened.study.trials()) == 3
    with pytest.raises(ConfigError, match=r"StubTrainer.bonus was"):
        Worker(opened.order, Halt(), edit)


def test_other_data_stop_a_worker_before_its_next_trial_and_before_its_first(write):
    opened = begin(write())

    def other_box():
        opened.study.set(DATA, "other data")

    with pytest.raises(
        ConfigError, match="data set 'planted' on this machine differ .*; copy the same"
    ):
        Worker(opened.order, Halt(), other_box).work()
    assert len(opened.study.trials()) == 1
    with pytest.raises(ConfigError, match="data set 'planted' on this machine differ"):
        train(opened)


def test_other_settings_stop_a_worker_before_its_first_trial(write):
    opened = begin(write(), name="s")
    worker = Worker(opened.order, Halt(), lambda: None)
    begin(write(bindings=("StubTrainer.epochs = 5",)), name="s")  # another box, meanwhile
    with pytest.raises(ConfigError, match="'s' has other settings"):
        worker.work()
    assert not opened.study.trials()


def test_a_box_may_join_with_other_threads_and_blocks(write):
    searched(write(), name="s", trials=2)
    here = (
        "Experiment.threads = 2",
        "Experiment.engine = 'torch'",
        "FullRanking.block_cells = 70",
        "Experiment.probe = @NegativeProbe",
    )
    assert len(searched(write(bindings=here), name="s", trials=4).study.trials()) == 4
    with pytest.raises(ConfigError, match="StubTrainer.epochs was 4, now 5"):
        begin(write(bindings=(*here, "StubTrainer.epochs = 5")), name="s")


def test_a_study_without_trials_may_be_corrected(write):
    begin(write(), name="s")
    assert len(searched(write(bindings=("StubTrainer.epochs = 5",)), name="s").study.trials()) == 8


def test_a_grid_keeps_its_order(write):
    searched(write(GRID), name="s", trials=2)
    with pytest.raises(ConfigError, match=r"Search.grid was"):
        begin(write(GRID + "Search.seed = 1\n"), name="s")
    with pytest.raises(ConfigError, match=r"Search.grid was .*, now not set"):
        begin(write(GRID.replace("grid", "random")), name="s")


def test_an_unknown_study_names_the_known(write):
    searched(write(), name="mine", trials=1)
    with pytest.raises(ConfigError, match="no study 'yours' in runs/search; studies here: mine"):
        find_study("yours", None)


PRUNED = """\
Search:
  trials = 12
  sampler = @random_search
  pruner = @{pruner}
  space = {{
      'StubTrainer.quality': {{'low': 0.0, 'high': 1.0}},
      'StubTrainer.settled': [6, 8],
  }}
{more}
StubTrainer:
  epochs = 20
  settled = 6
  rise = 4
"""
MEDIAN = PRUNED.format(pruner="median_pruner", more="median_pruner.n_startup_trials = 8")
PATIENT = PRUNED.format(
    pruner="patient_pruner", more="patient_pruner:\n  n_startup_trials = 8\n  patience = 7"
)
HYPERBAND = PRUNED.format(pruner="hyperband_pruner", more="hyperband_pruner.reduction_factor = 2")


@pytest.mark.parametrize(
    ("text", "spared", "after"),
    # The best score is in epoch 3, so patience is lost 8 epochs later.
    [(MEDIAN, 8, 0), (PATIENT, 8, 11), (HYPERBAND, 1, 0)],
    ids=["median", "patient", "hyperband"],
)
def test_no_trial_is_pruned_before_its_own_curriculum_ends(write, text, spared, after):
    opened = searched(write(text))
    trials = opened.study.trials()
    pruned = [trial for trial in trials if trial.state == TrialState.PRUNED]
    assert pruned
    assert pruned[0].number >= spared
    ends = [int(trial.user_attrs[BINDINGS]["StubTrainer.settled"]) for trial in pruned]
    assert [trial.last_step for trial in pruned] == [max(end, after) for end in ends]
    assert summarise(opened.study).pruned == len(pruned)


def late(settled):
    """Trials whose curriculum ends in that epoch, of 20."""
    return MEDIAN.replace("[6, 8]", f"[{settled}]")


@pytest.mark.parametrize("settled", [19, 20, 30])
def test_no_trial_is_pruned_in_its_last_epoch_or_before(write, settled):
    """The curriculum ends with the last epoch, or later: there is nothing left to save."""
    opened = searched(write(late(settled)))
    assert {trial.state for trial in opened.study.trials()} == {TrialState.COMPLETE}


def test_a_trial_is_pruned_in_the_epoch_before_its_last(write):
    trials = searched(write(late(18))).study.trials()
    assert {t.last_step for t in trials if t.state == TrialState.PRUNED} == {18}


def test_a_second_seed_may_be_saved_in_the_last_epoch_of_the_first(write):
    text = late(19) + "Search.seeds = (1, 2)\n"
    trials = searched(write(text)).study.trials()
    assert {t.last_step for t in trials if t.state == TrialState.PRUNED} == {19}


def test_hyperband_gives_every_trial_the_epochs_of_the_curriculum():
    pruner = hyperband_pruner(Resources(settled_epoch=6, epochs=60)).pruner
    study = optuna.create_study(direction="maximize", pruner=pruner)
    ends = []
    for number in range(20):
        trial = study.ask()
        for epoch in range(60):
            trial.report(-number, epoch)
            if trial.should_prune():
                ends.append(epoch)
                break
        study.tell(trial, -number)
    assert min(ends) == 7


def test_wilcoxon_prunes_over_seeds(write):
    more = "Search.seeds = (1, 2, 3, 4, 5, 6, 7)\nwilcoxon_pruner.n_startup_seeds = 3"
    opened = searched(write(PRUNED.format(pruner="wilcoxon_pruner", more=more)))
    trials = opened.study.trials()
    pruned = [t for t in trials if t.state == TrialState.PRUNED]
    assert pruned
    assert all(3 <= len(t.intermediate_values) < 7 for t in pruned)
    assert len(trials[0].intermediate_values) == 7


def test_wilcoxon_prunes_no_trial_after_its_last_seed(write):
    more = "Search.seeds = (1, 2, 3, 4, 5)\nwilcoxon_pruner.n_startup_seeds = 5"
    opened = searched(write(PRUNED.format(pruner="wilcoxon_pruner", more=more)))
    assert {trial.state for trial in opened.study.trials()} == {TrialState.COMPLETE}


@pytest.mark.parametrize("sampler", ["grid_search", "tpe_search"])
def test_no_pruner_unless_one_is_named(write, sampler):
    text = f"Search.sampler = @{sampler}\nSearch.space = {{'StubTrainer.mode': ['a', 'b']}}\n"
    assert Target(write(text)).search.pruner is None


def test_two_objectives_are_the_metric_and_the_time(write):
    text = SPACE.replace("random_search", "nsga2_search")
    opened = searched(write(text + "Search.objectives = ('metric', 'seconds')\n"))
    for trial in opened.study.trials():
        assert trial.state == TrialState.COMPLETE
        assert len(trial.values) == 2
        assert trial.values[1] > 0
    assert summarise(opened.study).best.value == max(t.values[0] for t in opened.study.trials())


def test_cmaes_needs_its_package_or_works(write):
    pytest.importorskip("cmaes", reason="the package cmaes is not installed")
    assert summarise(searched(write(SPACE.replace("random_search", "cmaes_search"))).study).best


def test_what_a_stopped_trial_chose_is_tried_again(write):
    opened = begin(write())

    class Once(Halt):
        calls = 0

        def asked(self):
            Once.calls += 1
            return Once.calls == 12

    worker = Worker(opened.order, Once(), lambda: None)
    worker.work()
    stopped = [t for t in opened.study.trials() if t.user_attrs.get(OUTCOME) == "stopped"]
    assert len(stopped) == 1
    train(opened)
    for trial in stopped:
        again = [t for t in opened.study.trials() if t.user_attrs[SLOT] == trial.user_attrs[SLOT]]
        assert again[-1].user_attrs[BINDINGS] == trial.user_attrs[BINDINGS]
    assert summarise(opened.study).complete == 8


def test_a_setting_that_comes_again_is_not_trained_again(write):
    text = "Search:\n  sampler = @random_search\n  pruner = None\n  trials = 9\n"
    opened = searched(write(text + "  space = {'StubTrainer.quality': [0.2, 0.9]}\n"))
    trials = opened.study.trials()
    again = [t for t in trials if "ccd:same_as" in t.user_attrs]
    assert len(again) == 7
    for trial in again:
        assert trial.value == trials[trial.user_attrs["ccd:same_as"]].value
        assert not trial.intermediate_values

import pytest

from ccd.progress.states import Progress
from tests.runs.samples import make_epoch, make_plan, make_result


def test_before_anything_ended_time_left_is_a_bound():
    progress = Progress(make_plan(), clock=lambda: 0.0)
    run = progress.epoch(make_epoch("FREEDOM", epoch=9))
    left = progress.remaining(run)
    assert left.is_bound
    assert left.seconds == pytest.approx(90 * 2.0)
    assert str(left) == "<3m00s"
    # The three that wait could each take all of their epochs too.
    assert progress.remaining_overall().seconds == pytest.approx(180 + 3 * 200)


def test_after_a_run_ended_its_epochs_are_the_estimate():
    progress = Progress(make_plan(), clock=lambda: 0.0)
    progress.finish(make_result("FREEDOM", epochs=40), skipped=False)
    run = progress.epoch(make_epoch("FREEDOM+DMA", epoch=9))
    left = progress.remaining(run)
    assert str(left) == "~1m00s"
    waiting = progress.runs[("FREEDOM+DMA+NDI", 999)]
    assert progress.remaining(waiting).seconds == 120.0
    assert progress.remaining_overall().seconds == pytest.approx(60 + 2 * 120)


def test_estimate_never_passes_the_last_epoch_nor_ends_before_the_patience():
    progress = Progress(make_plan(), clock=lambda: 0.0)
    progress.finish(make_result("FREEDOM", epochs=40), skipped=True)
    long_running = progress.epoch(make_epoch("FREEDOM+DMA", epoch=60))
    assert progress.remaining(long_running).seconds == pytest.approx(20 * 2.0)
    nearly_over = progress.epoch(make_epoch("FREEDOM+DMA", epoch=97))
    assert progress.remaining(nearly_over).seconds == pytest.approx(2 * 2.0)


def test_share_counts_finished_runs_and_epochs_of_the_running_one():
    progress = Progress(make_plan(), clock=lambda: 0.0)
    assert progress.share == 0
    assert progress.remaining_overall() is None
    progress.finish(make_result("FREEDOM"), skipped=True)
    progress.epoch(make_epoch("FREEDOM+DMA", epoch=49))
    assert progress.share == pytest.approx(1.5 / 4)
    assert progress.n_over == 1


def test_validation_metrics_stay_until_the_next_evaluation():
    progress = Progress(make_plan(), clock=lambda: 0.0)
    progress.epoch(make_epoch("FREEDOM", value=0.2))
    record = make_epoch("FREEDOM", epoch=1)
    object.__setattr__(record, "valid", None)
    assert progress.epoch(record).valid["recall@20"] == 0.2


def test_speed_is_given_in_the_unit_that_reads_well():
    progress = Progress(make_plan(), clock=lambda: 0.0)
    run = progress.epoch(make_epoch("FREEDOM"))
    assert run.speed == "2.0 s/epoch"
    run.recent.clear()
    run.recent.append(0.25)
    assert run.speed == "240 epochs/min"


def test_nothing_is_left_at_the_end():
    progress = Progress(make_plan(), clock=lambda: 0.0)
    for variant, seed in progress.plan.runs:
        progress.finish(make_result(variant, seed), skipped=False)
    assert progress.remaining_overall() is None
    assert progress.share == 1

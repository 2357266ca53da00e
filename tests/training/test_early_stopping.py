from ccd.training.early_stopping import EarlyStopping


def run(values, settled=0, **settings):
    stopping = EarlyStopping(settled, **settings)
    for epoch, value in enumerate(values):
        stopping.update(epoch, value)
        if stopping.finished:
            return stopping, epoch
    return stopping, None


def test_stops_when_patience_is_exceeded():
    stopping, epoch = run([1.0, 2.0, 1.5, 1.5, 1.5, 1.5], patience=2)
    assert (stopping.best_epoch, stopping.best, epoch) == (1, 2.0, 4)


def test_an_equal_value_is_no_new_best():
    stopping, epoch = run([1.0, 1.0, 1.0], patience=1)
    assert (stopping.best_epoch, epoch) == (0, 2)


def test_patience_counts_from_the_end_of_the_curriculum():
    flat = [1.0] * 20
    assert run(flat, settled=10, patience=3)[1] == 13
    assert run(flat, settled=10, patience=3, after_curriculum=False)[1] == 4
    late = [1.0] * 12 + [2.0] + [1.0] * 10
    assert run(late, settled=10, patience=3)[0].best_epoch == 12


def test_min_delta_says_when_to_stop_and_not_which_epoch_is_the_best():
    stopping, _ = run([1.0, 1.05, 1.2], patience=5, min_delta=0.1)
    assert stopping.best_epoch == 2
    stopping, epoch = run([1.0, 1.05, 1.09, 1.08], patience=2, min_delta=0.1)
    assert (stopping.best_epoch, stopping.best, epoch) == (2, 1.09, 3)


def test_small_steps_add_up_to_an_improvement():
    stopping, epoch = run([1.0, 1.06, 1.12, 1.18, 1.24, 1.3], patience=1, min_delta=0.1)
    assert (stopping.best_epoch, epoch) == (5, None)


def test_each_update_says_whether_its_epoch_is_the_one_to_keep():
    stopping = EarlyStopping(0, min_delta=0.5)
    assert [stopping.update(*pair) for pair in enumerate([1.0, 1.1, 1.1, 1.05])] == [
        True, True, False, False,
    ]  # fmt: skip

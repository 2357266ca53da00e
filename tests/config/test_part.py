import pytest

from ccd.config.part import load_part
from ccd.errors import ConfigError


def test_a_part_is_wired_as_in_every_recipe_and_bindings_win():
    comparison = load_part("Comparison").factory()()
    assert comparison.description == "Wilcoxon signed-rank over users, Holm-corrected"
    bindings = ["Comparison.test = @t_test", "Comparison.over = 'seeds'"]
    comparison = load_part("Comparison", bindings=bindings).factory()()
    assert comparison.description == "paired t-test over seeds, Holm-corrected"


@pytest.mark.parametrize(
    ("binding", "message"),
    [
        ("Comparison.over = 'items'", "Comparison.over"),
        ("Comparison.tests = @t_test", "did you mean"),
        ("Comparison.confidence = 1.5", "Comparison.confidence"),
        ("Trainer.epochs = 5", "Trainer.epochs"),
    ],
)
def test_wrong_and_useless_bindings_are_refused(binding, message):
    with pytest.raises(ConfigError, match=message):
        load_part("Comparison", bindings=[binding])

"""Spaces are checked before the first trial; messages name the file and the line of the key."""

import pytest

from ccd.errors import ConfigError
from ccd.search.domains import ChoiceDomain, Range
from ccd.search.space import Space
from ccd.search.target import Source, Target

FREEDOM = """\
include 'recipes/ablation_freedom.gin'

Ablation:
  variants = {'CCDRec': ['dma', 'ndi', 'cns'%s]}
  baseline = None
Search.space = {
    %s,
}
"""
KEY_LINE = 7


def space(here, entry, more="", **options):
    (here / "own.gin").write_text(FREEDOM % (more, entry))
    return Space(Target(Source("own.gin", **options)))


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("'LossMix.hard_wight': [0.5]", "did you mean hard_weight"),
        ("'LosMix.hard_weight': [0.5]", "did you mean LossMix?"),
        ("'LossMix.hard_weight': ['high']", r"must be float in \[0, 1\], got 'high'"),
        ("'LossMix.hard_weight': [0.5, 1.5]", r"must be float in \[0, 1\], got 1.5"),
        ("'FREEDOM.n_layers': {'low': 0.5, 'high': 2.5}", "must be int >= 0, got 0.5"),
        ("'FREEDOM.n_layers': {'low': 3, 'high': 2}", "low 3 above high 2\n.*\n  swap them"),
        ("'FREEDOM.n_layers': {'low': 1, 'hihg': 2}", "has 'hihg', which no range has"),
        ("'FREEDOM.n_layers': {'low': 1}", "nothing where a number belongs"),
        ("'FREEDOM.n_layers': []", "has no choices"),
        ("'FREEDOM.n_layers': [1, 1]", "has 1 twice"),
        ("'adam.weight_decay': {'low': 0.0, 'high': 1e-3, 'log': True}", "starts above 0"),
        ("'adam.weight_decay': {'low': 0.1, 'high': 1.0, 'log': True, 'step': 0.1}", "drop one"),
        ("'GaussianDiffusion.betas': ['@step_curriculum']", "takes a noise_schedule, got @step"),
        ("'GaussianDiffusion.betas': ['linear']", "takes a noise_schedule, got 'linear'"),
        ("'exp_betas.beta_min': [0.1]", "no trial of 'CCDRec' has\n.*\n  add '@exp_betas'"),
        ("'steps': [1]", "'steps' is no setting"),
        ("'FullRanking.select': ['recall@20', 'ndcg@20']", "judge each trial by another measure"),
        ("'Experiment.evaluator': ['@FullRanking']", "judge each trial by another measure"),
        ("'FREEDOM.n_layers': {'low': 1, 'high': 4, 'step': 2}", "4\n.*\n  write 'high': 3"),
        ("'adam.beta1': {'low': 0.1, 'high': 0.9, 'step': 0.3}", "0.9\n.*\n  write 'high': 0.7"),
    ],
)
def test_mistakes_are_refused_with_their_line(here, entry, message):
    with pytest.raises(ConfigError, match=message) as refusal:
        space(here, entry)
    assert f"own.gin:{KEY_LINE}" in str(refusal.value)


def test_what_would_overrule_every_trial_is_refused(here):
    entry = "'LossMix.hard_weight': [0.5, 0.7]"
    with pytest.raises(ConfigError, match=r"overruled by --set\s+LossMix.hard_weight = 0.2"):
        space(here, entry, bindings=("LossMix.hard_weight = 0.2",))
    with pytest.raises(ConfigError, match="overruled by own.gin:4"):
        space(here, entry, more=", 'LossMix.hard_weight = 0.2'")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Search.space = {}", "no space to search"),
        ("Search.trials = 3", "no space to search"),
        (
            "Search.space = {'adam.epsilon': [1e-8]}\nSearch.variant = 'FREEDON'",
            "did you mean FREE",
        ),
        ("Search.space = {'adam.epsilon': [1e-8]}", "does not say which of its variants"),
        ("Search.space = {'adam.epsilon': [1e-8]}\nSearch.trails = 3", "did you mean trials"),
        ("Search.space = {'adam.epsilon': [1e-8]}\ntpe_search.n_startup_trials = 0", ">= 1"),
        ("Search.space = {'adam.epsilon': [1e-8]}\ngp_search.n_startup_trials = 5", "never used"),
        ("Search.space = {'adam.epsilon': [1e-8]}\nSearch.sampler = @DNSSampler", "search_sampler"),
        ("Search.space = {'adam.epsilon': [1e-8]}\nSearch.objectives = ('seconds',)", "metric"),
    ],
)
def test_the_settings_of_a_search_are_checked(here, text, message):
    (here / "own.gin").write_text(f"include 'recipes/ablation_freedom.gin'\n{text}\n")
    with pytest.raises(ConfigError, match=message):
        Space(Target(Source("own.gin")))


CONDITIONAL = """\
'GaussianDiffusion.betas': ['@linear_betas', '@cosine_betas'],
    'cosine_betas.offset': {'low': 0.001, 'high': 0.01},
    'Experiment.sampler': ['@CurricularSampler', '@DNSSampler', None],
    'DNSSampler.n_candidates': [4, 8],
    'CurricularSampler.curriculum': ['@step_curriculum', '@cosine_curriculum'],
    'step_curriculum.interval': [1, 2]"""


def test_a_components_settings_are_asked_for_only_where_it_is_chosen(here):
    own = space(here, CONDITIONAL)
    wanted = {
        "Experiment.sampler": "@CurricularSampler",
        "GaussianDiffusion.betas": "@linear_betas",
    }

    def chosen(**more):
        picks = {**wanted, **{key.replace("_", ".", 1): value for key, value in more.items()}}

        def pick(key, domain):
            return picks.get(
                key, domain.values[0] if isinstance(domain, ChoiceDomain) else domain.low
            )

        return set(own.assign(pick))

    both = {"Experiment.sampler", "GaussianDiffusion.betas"}
    assert chosen() == both | {"CurricularSampler.curriculum", "step_curriculum.interval"}
    wanted["Experiment.sampler"] = "@DNSSampler"
    assert chosen() == both | {"DNSSampler.n_candidates"}
    wanted["Experiment.sampler"] = None
    wanted["GaussianDiffusion.betas"] = "@cosine_betas"
    assert chosen() == both | {"cosine_betas.offset"}


def test_a_conditional_grid_has_no_point_twice(here):
    entry = CONDITIONAL.replace("{'low': 0.001, 'high': 0.01}", "[0.001, 0.01]")
    points = space(here, entry).points()
    # Samplers: step curriculum with two intervals, cosine, DNS with two, none; schedules: 1 + 2.
    assert len(points) == (2 + 1 + 2 + 1) * 3
    assert len({str(sorted(point.items(), key=str)) for point in points}) == len(points)


def test_components_may_be_written_without_quotes(here):
    quoted = space(here, "'GaussianDiffusion.betas': ['@linear_betas', '@cosine_betas']")
    plain = space(here, "'GaussianDiffusion.betas': [@linear_betas, @cosine_betas]")
    assert plain.domains["GaussianDiffusion.betas"].texts == ("@linear_betas", "@cosine_betas")
    assert plain.current() == quoted.current() == {"GaussianDiffusion.betas": "@linear_betas"}
    assert "0x" not in str(plain.target.identity)


def test_choices_keep_their_types():
    choices = ChoiceDomain(
        (True, 1, 1.0, None, "x", "(1, 2)"), ("True", "1", "1.0", "None", "'x'", "(1, 2)")
    )
    assert [choices.text(v) for v in choices.values] == list(choices.texts)
    assert choices.find((1, 2)) == "(1, 2)"
    with pytest.raises(LookupError):
        choices.find("y")


def test_ranges_hold_their_ends_and_steps():
    assert Range(1, 4).points == (1, 2, 3, 4)
    assert Range(0.0, 1.0, step=0.25).points == (0.0, 0.25, 0.5, 0.75, 1.0)
    assert Range(0.1, 0.4, step=0.1).points == (0.1, 0.2, 0.3, 0.4)
    assert Range(1, 4).find(2.0) == 2
    assert Range(1e-6, 1e-3, log=True).find(1e-3) == 1e-3
    for domain, value in ((Range(1, 4), 2.5), (Range(1, 4), 5), (Range(0.0, 1.0, step=0.25), 0.3),
                          (Range(0.0, 1.0), True)):  # fmt: skip
        with pytest.raises(LookupError):
            domain.find(value)
    with pytest.raises(LookupError):
        _ = Range(0.0, 1.0).points


@pytest.mark.parametrize(
    ("entry", "domain"),
    [
        ("'LossMix.hard_weight': {'low': 0, 'high': 1}", Range(0.0, 1.0)),
        ("'LossMix.hard_weight': {'low': 0, 'high': 1, 'step': 0.5}", Range(0.0, 1.0, step=0.5)),
        ("'adam.weight_decay': {'low': 1, 'high': 4, 'log': True}", Range(1.0, 4.0, log=True)),
        ("'adam.weight_decay': {'low': 0, 'high': 4, 'step': 2}", Range(0.0, 4.0, step=2)),
        ("'Trainer.epochs': {'low': 1, 'high': 4}", Range(1, 4)),
    ],
)
def test_a_range_is_of_whole_numbers_where_its_setting_is(here, entry, domain):
    (found,) = space(here, entry).domains.values()
    assert found == domain
    assert type(found.low) is type(domain.low)
    assert found.is_integer == isinstance(domain.low, int)


def test_a_range_of_fractions_has_no_end_of_values_for_a_grid(here):
    with pytest.raises(ConfigError, match="has no end of values for a grid"):
        space(here, "'LossMix.hard_weight': {'low': 0, 'high': 1}").points()


@pytest.mark.parametrize("value", ["(0.0, 0.001)", "(1,)", "()", "(b'x', @linear_betas)"])
def test_a_tuple_is_neither_a_range_nor_choices(here, value):
    with pytest.raises(ConfigError, match=r"'adam.weight_decay' is a tuple: write {'low': LOW"):
        space(here, f"'adam.weight_decay': {value}")


@pytest.mark.parametrize("value", ["b'x'", "1j"])
def test_a_choice_that_no_setting_can_be_is_refused(here, value):
    with pytest.raises(ConfigError, match="which no setting can be"):
        space(here, f"'adam.weight_decay': [0.1, {value}]")

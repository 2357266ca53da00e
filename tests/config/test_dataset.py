import pytest

from ccd.config.dataset import load_dataset
from ccd.errors import ConfigError


def test_a_name_or_a_file(tmp_path):
    assert load_dataset("baby").root["name"].value == "baby"
    own = tmp_path / "own.gin"
    own.write_text(
        "Experiment.dataset = @mine/planted_world\nmine/planted_world.n_users = 80\n"
        "FREEDOM.edge_dropout = 0.5\n"  # what else a recipe finds there does not matter here
    )
    assert load_dataset(str(own)).root["n_users"].value == 80


def test_bindings_win():
    graph = load_dataset("planted", bindings=["planted_world.n_users = 90"])
    assert graph.root["n_users"].value == 90
    graph = load_dataset("baby", bindings=["Experiment.dataset = @planted_world"])
    assert graph.root.component.name == "planted_world"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Experiment.dataset = @FREEDOM", "takes a dataset, got @FREEDOM"),
        ("FREEDOM.edge_dropout = 0.5", "sets no data set\n  .*own.gin\n  write Experiment.dataset"),
        ("Experiment.dataset = @mmrec_dataset", "mmrec_dataset.name is required"),
        ("Experiment.dataset = @planted_world\nplanted_world.n_users = 1.5", "must be int"),
        ("Experiment.dataset = @planted_world\nplanted_world.users = 80", "no parameter 'users'"),
    ],
)
def test_mistakes_are_refused(tmp_path, text, message):
    own = tmp_path / "own.gin"
    own.write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_dataset(str(own))


def test_unknown_names_and_idle_bindings_are_refused():
    with pytest.raises(ConfigError, match=r"did you mean baby\?"):
        load_dataset("bab")
    with pytest.raises(ConfigError, match=r"Trainer.epochs is bound but never used"):
        load_dataset("planted", bindings=["Trainer.epochs = 3"])

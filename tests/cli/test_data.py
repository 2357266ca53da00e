import json

import pytest
import typer
from typer.testing import CliRunner

from ccd.cli.data import data
from ccd.errors import DataError
from tests.datasets.files import write_dataset

app = typer.Typer()
app.add_typer(data, name="data")
OWN = """Experiment.dataset = @mmrec_dataset
mmrec_dataset:
  name         = 'mini'
  interactions = 'mini.inter'
  features     = {'image': 'image_feat.npy', 'text': 'text_feat.npy'}
"""


@pytest.fixture
def call(monkeypatch):
    def invoke(*arguments, width=80):
        monkeypatch.setenv("COLUMNS", str(width))
        return CliRunner().invoke(app, ["data", "describe", *arguments])

    return invoke


@pytest.mark.parametrize("width", [60, 80, 120])
def test_planted_world_fits_the_terminal(call, width):
    answer = call("planted", width=width)
    assert answer.exit_code == 0
    lines = answer.stdout.splitlines()
    assert max(map(len, lines)) <= width
    assert lines[0].startswith("planted: 1,500 users, 1,200 items, ")
    for words in ("train", "cold users (fewer than 4", "median", "image", "float32", "2-3"):
        assert words in answer.stdout, words
    assert "█" * 10 in answer.stdout or "#" * 10 in answer.stdout


def test_ones_own_file(call, tmp_path):
    write_dataset(tmp_path / "mini")
    own = tmp_path / "own.gin"
    own.write_text(OWN)
    answer = call(str(own), "--data-dir", str(tmp_path))
    assert answer.exit_code == 0, answer.exception
    assert "mini: 3 users, 6 items, 12 interactions, sparsity 33.33%" in answer.stdout
    assert "note: 2 of 6 items have no training interaction" in answer.stdout


def test_json_is_one_object(call):
    record = json.loads(call("planted", "--json", "--set", "planted_world.n_users = 90").stdout)
    assert record["n_users"] == 90
    assert record["modalities"]["text"]["dim"] == 32


def test_missing_data_are_refused(call, tmp_path):
    answer = call("sports", "--data-dir", str(tmp_path))
    assert isinstance(answer.exception, DataError)


def test_each_modality_is_set_beside_its_shuffle(call):
    lines = call("planted", width=100).stdout.splitlines()
    (at,) = (n for n, line in enumerate(lines) if line.endswith("if shuffled"))
    for line, modality in zip(lines[at + 1 : at + 3], ("image", "text"), strict=True):
        name, share, low, _, high, shuffled, cosine, shuffled_cosine = line.split()
        assert name == modality
        shares = [float(text.rstrip("%")) for text in (shuffled, low, share, high)]
        assert shares == sorted(shares)
        assert float(cosine) > 2 * float(shuffled_cosine)

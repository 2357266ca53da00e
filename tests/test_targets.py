"""A file that a person names for output is refused before the work, not after it."""

import shutil

import pytest
from typer.testing import CliRunner

from ccd.cli import app
from ccd.errors import ConfigError
from ccd.targets import refuse_target


def test_a_target_is_refused_before_the_work(tmp_path):
    refuse_target(tmp_path / "new.html")
    with pytest.raises(ConfigError, match="got the folder .*; name a file"):
        refuse_target(tmp_path)
    with pytest.raises(ConfigError, match=r"no/such/fig.png does not exist; make .*no/such, or"):
        refuse_target(tmp_path / "no/such/fig.png")
    with pytest.raises(ConfigError, match="File name too long"):
        refuse_target(tmp_path / ("y" * 300))


@pytest.mark.parametrize("name", ["results.jsonl", "manifest.json", "run.json", "study.json"])
def test_what_a_run_or_a_study_consists_of_is_not_replaced(tmp_path, name):
    refuse_target(tmp_path / name)
    (tmp_path / name).touch()
    with pytest.raises(ConfigError, match=f"a file that a run or a study consists of\n.*{name}"):
        refuse_target(tmp_path / name)


@pytest.mark.parametrize(
    "command",
    [
        "report RUN --out RUN/results.jsonl",
        "recommend RUN --k 2 --out RUN/per_user.parquet",
        "search export RUN --out RUN/manifest.json",
    ],
)
def test_every_command_that_writes_a_named_file_asks(tmp_path, finished_folder, command):
    run = shutil.copytree(finished_folder, tmp_path / "run")
    target = run / command.rpartition("/")[2]
    before = target.read_bytes()
    refused = CliRunner().invoke(app, command.replace("RUN", str(run)).split())
    assert isinstance(refused.exception, ConfigError)
    assert "--out would replace a file" in str(refused.exception)
    assert target.read_bytes() == before

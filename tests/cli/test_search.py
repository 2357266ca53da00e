"""``ccd search``: a recipe and a sub-command are told apart, and each says what it did."""

import json

import pytest
from typer.testing import CliRunner

from ccd.cli import app
from ccd.cli.search import seconds_of
from ccd.errors import ConfigError, NumericError
from tests.search.conftest import RECIPE, SPACE, STUB, here, write  # noqa: F401 - fixtures


@pytest.fixture
def call(write):  # noqa: F811
    write()

    def invoke(*words):
        return CliRunner().invoke(app, ["search", *words])

    return invoke


def begin(call, *words):
    return call("own.gin", "--allow-import", STUB, "--study", "s", "--trials", "4", *words)


def test_a_study_from_its_begin_to_its_export(call, here):  # noqa: F811
    answer = begin(call)
    assert answer.exit_code == 0, answer.output
    lines = answer.output.splitlines()
    assert lines[0] == "study s: 0 of 4 trials done, 1 worker(s)"
    assert lines[2].startswith("[1/4] trial 0 complete  recall@20 0.6400")
    assert "reproduce it: ccd run own.gin --allow-import" in answer.output
    assert "# recall@20" in (here / "runs/search/s/best.gin").read_text()

    answer = call("status", "s")
    assert "4 of 4: 4 complete, 0 pruned, 0 failed, 0 running" in answer.output
    assert json.loads(call("status", "s", "--json").output)["settled"] == 4
    assert "What mattered" in call("best", "runs/search/s").output
    assert call("export", "s").output.startswith("trial,number,state,value")
    assert call("export", "s", "--out", "all.json").output == "trials: all.json\n"
    assert len(json.loads((here / "all.json").read_text())) == 4

    assert "asked the workers of 's' to stop" in call("stop", "s").output
    assert "to go on: ccd search resume s" in call("status", "s").output
    answer = call("resume", "s", "--trials", "5")
    assert "[5/5] trial 4 complete" in answer.output


def test_an_edited_recipe_is_not_taken_for_the_one_that_was_searched(call, here):  # noqa: F811
    assert begin(call).exit_code == 0
    best = here / "runs/search/s/best.gin"
    best.unlink()
    recipe = here / "own.gin"
    recipe.write_text(recipe.read_text().replace("dim = 4", "dim = 5"))
    answer = call("best", "s")
    assert answer.exit_code == 0
    assert "What mattered" in answer.output
    assert "note: best.gin is not written: study 's' has other settings" in answer.output
    assert "Experiment.dim" in answer.output
    assert "reproduce it" not in answer.output
    body = json.loads(call("best", "s", "--json").output)
    assert (body["file"], len(body["trials"])) == (None, 4)
    assert "other settings" in body["note"]
    refused = call("best", "s", "--test")
    assert isinstance(refused.exception, ConfigError)
    assert "Experiment.dim" in str(refused.exception)
    assert not best.exists()
    assert not list(best.parent.glob("test-trial-*"))


def test_json_is_one_object_per_line(call):
    events = [json.loads(line) for line in begin(call, "--json").output.splitlines()]
    assert [event["event"] for event in events] == ["started", *["trial"] * 4, "ended", "best"]
    assert events[-1]["trials"][0]["value"] == events[-2]["best"]["value"]


def test_no_trial_begins_after_the_timeout(call):
    answer = begin(call, "--timeout", "0s")
    assert answer.exit_code == 0
    assert "no trial is complete yet" in answer.output
    assert "to go on: ccd search resume s" in answer.output


def test_a_search_whose_every_trial_failed_ends_with_their_code(call):
    answer = begin(call, "--set", "StubTrainer.fails = True")
    assert isinstance(answer.exception, NumericError)
    assert "all 4 trials of this study failed, 4 of them in one way" in str(answer.exception)
    assert "no trial is complete\n" in answer.output
    assert "yet" not in answer.output
    assert isinstance(call("resume", "s").exception, NumericError)
    assert call("best", "s").output == "no trial is complete\n"
    drawn = CliRunner().invoke(app, ["plot", "sensitivity", "s"]).exception
    assert str(drawn).startswith("no trial of study 's' is complete, so there is nothing to draw")


def test_a_study_is_plotted_and_reported_by_its_name(call, here):  # noqa: F811
    begin(call)
    for words, file in ((["plot", "sensitivity"], "sensitivity.png"), (["report"], "report.html")):
        answer = CliRunner().invoke(app, [*words, "s"])
        assert answer.exit_code == 0, answer.exception
        assert f"runs/search/s/{file}" in answer.output
        assert (here / "runs/search/s" / file).exists()
    error = CliRunner().invoke(app, ["report", "nosuch"]).exception
    assert "this is no folder\n  nosuch" in str(error)


def test_a_part_that_ends_the_program_fails_its_trial_only(call, here):  # noqa: F811
    more = SPACE + "StubTrainer.mode = 'exit'\n"
    (here / "own.gin").write_text(RECIPE.format(stub=STUB, more=more))
    answer = begin(call)
    assert answer.exit_code == 0, answer.output
    assert "trial 0 failed" in answer.output
    assert "SystemExit: 3" in answer.output


def test_a_misspelt_sub_command_is_no_recipe(call):
    answer = call("statsu", "s")
    assert isinstance(answer.exception, ConfigError)
    assert "did you mean status?" in str(answer.exception)


def test_a_recipe_called_like_a_sub_command_is_written_as_a_path(call, here):  # noqa: F811
    (here / "own.gin").rename(here / "status")
    answer = call("./status", "--allow-import", STUB, "--trials", "1", "--study", "odd")
    assert answer.exit_code == 0, answer.output
    assert "study odd" in answer.output


def test_options_may_come_first_and_help_is_help(call):
    answer = call("--trials", "1", "own.gin", "--allow-import", STUB)
    assert answer.exit_code == 0, answer.output
    assert "Search for the best settings of a recipe" in call("--help").output
    assert "--workers" in call("own.gin", "--help").output


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("90s", 90), ("1.5m", 90), ("2h", 7200)])
def test_durations(text, seconds):
    assert seconds_of(text) == seconds


def test_a_wrong_duration_is_refused():
    with pytest.raises(ConfigError, match="--timeout must .*, got 1 day; write 90s, 30m or 8h"):
        seconds_of("1 day")


def test_status_without_a_study_has_a_line_for_each(call, here):  # noqa: F811
    assert call("status").output == "no study in runs/search; begin one with 'ccd search RECIPE'\n"
    begin(call, "--study", "done", "--trials", "2")
    begin(call, "--study", "elsewhere", "--trials", "2", "--storage", "journal:all.log")
    begin(call, "--study", "more", "--trials", "1")
    call("resume", "more", "--trials", "3", "--timeout", "0")
    lost = here / "runs/search/lost"
    lost.mkdir()
    (lost / "study.json").write_text('{"study": "lost", "storage": "postgresql://u:***@host/db"}')
    lines = [line.split() for line in call("status").output.splitlines()]
    assert [line[:3] for line in lines] == [
        ["done", "2/2", "done,"], ["elsewhere", "2/2", "done,"], ["lost", "kept", "in"],
        ["more", "1/3", "not"],
    ]  # fmt: skip
    told = json.loads(call("status", "--json").output)["studies"]
    assert [study["study"] for study in told] == ["done", "elsewhere", "lost", "more"]
    assert (told[3]["settled"], told[3]["budget"]) == (1, 3)
    assert "***" in told[2]["closed_because"]


def test_status_of_a_storage_lists_its_studies(call):
    begin(call, "--study", "one", "--trials", "1", "--storage", "journal:all.log")
    begin(call, "--study", "two", "--trials", "1")
    names = [
        line.split()[0]
        for line in call("status", "--storage", "journal:all.log").output.splitlines()
    ]
    assert names == ["one"]
    assert "no study in journal:none.log" in call("status", "--storage", "journal:none.log").output


@pytest.mark.parametrize("asked", ["oen", "runs/search/oen"])
def test_a_misspelt_study_names_the_one_that_is_near(call, asked):
    begin(call, "--study", "one", "--trials", "1", "--storage", "journal:all.log")
    for options in ([], ["--storage", "journal:all.log"]):
        error = str(call("status", asked, *options).exception)
        assert error.startswith("no study 'oen' in ")
        assert "did you mean one?" in error

"""A run folder holds runs of one configuration and of one data set."""

import json
from dataclasses import replace

import pytest

from ccd.errors import ConfigError, DamagedFileError
from ccd.runs.folder import (
    read_about,
    refuse_mixture,
)

from .changed import seal
from .samples import (
    SETTINGS,
    finish,
    make_result,
    open_folder,
)


def test_changed_setting_is_refused_by_name(tmp_path):
    with open_folder(tmp_path) as folder:
        finish(folder, make_result("A"))
    changed = replace(SETTINGS, identity={**SETTINGS.identity, "LossMix.hard_weight": "0.5"})
    with open_folder(tmp_path) as folder:
        for seed in (999, 1000):
            with pytest.raises(ConfigError, match=r"hard_weight was 0.8, now 0.5\n.*--out"):
                folder.begin("A", seed, settings=changed, fingerprint="f00d")
        assert folder.begin("B", 999, settings=changed, fingerprint="f00d") is None


def test_how_a_run_was_computed_is_no_part_of_what_it_is(tmp_path):
    with open_folder(tmp_path) as folder:
        finish(folder, make_result("A"))
        on_eight = replace(SETTINGS, how={"Experiment.threads": "8"})
        known = folder.begin("A", 999, settings=on_eight, fingerprint="f00d")
        assert known == make_result("A")
    about = read_about(tmp_path / "A-999")
    assert about["settings"] == SETTINGS.identity
    assert about["how_it_ran"] == {"Experiment.threads": "1"}


def test_all_pairs_can_be_checked_before_anything_is_written(tmp_path):
    with open_folder(tmp_path) as folder:
        finish(folder, make_result("A"))
        finish(folder, make_result("B"))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    same, changed = SETTINGS.identity, {**SETTINGS.identity, "LossMix.hard_weight": "0.5"}
    with pytest.raises(ConfigError, match=r"holds B, .*\n.*\n.*hard_weight was 0.8, now 0.5"):
        refuse_mixture(tmp_path, {"A": same, "B": changed}, "f00d")
    with pytest.raises(ConfigError, match="data set was planted"):
        refuse_mixture(tmp_path, {"C": same}, "beef")
    refuse_mixture(tmp_path, {"A": same, "B": same, "C": changed}, "f00d")
    refuse_mixture(tmp_path / "new", {"A": changed}, "beef")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_other_data_are_refused_for_every_variant(tmp_path):
    with open_folder(tmp_path) as folder:
        finish(folder, make_result("A"))
        for variant in ("A", "B"):
            with pytest.raises(ConfigError, match="data set was planted"):
                folder.begin(variant, 999, settings=SETTINGS, fingerprint="beef")


def test_other_settings_than_those_trained_at_this_moment_are_refused(tmp_path):
    changed = {**SETTINGS.identity, "LossMix.hard_weight": "0.5"}
    with open_folder(tmp_path) as folder:
        with folder.leasing("A", 999):
            folder.begin("A", 999, settings=SETTINGS, fingerprint="f00d")
            for fresh in (False, True):
                with pytest.raises(ConfigError, match="hard_weight was 0.8, now 0.5"):
                    refuse_mixture(tmp_path, {"A": changed}, "f00d", fresh=fresh)
        refuse_mixture(tmp_path, {"A": changed}, "f00d")


def test_a_runs_damaged_settings_are_named(tmp_path):
    with open_folder(tmp_path) as folder:
        finish(folder, make_result("A"))
    about = tmp_path / "A-999/run.json"
    about.write_text(json.dumps({**json.loads(about.read_text()), "settings": 5}))
    seal(about)
    with pytest.raises(
        DamagedFileError, match=r"'settings' is not .*: Input should be a .*dict.*\n.*run.json\n"
    ):
        refuse_mixture(tmp_path, {"A": SETTINGS.identity}, "f00d")


def test_variants_that_differ_in_case_only_are_refused(tmp_path):
    same = SETTINGS.identity
    with pytest.raises(ConfigError, match="'A' and 'a' differ in upper and lower case only"):
        refuse_mixture(tmp_path / "new", {"A": same, "a": same}, "f00d")
    with open_folder(tmp_path) as folder:
        finish(folder, make_result("A"))
    with pytest.raises(ConfigError, match="'a' and 'A' differ in upper and lower case only"):
        refuse_mixture(tmp_path, {"a": same}, "f00d")
    refuse_mixture(tmp_path, {"A": same, "B": same}, "f00d")

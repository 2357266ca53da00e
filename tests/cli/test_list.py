from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from ccd import __version__, catalogue, registry
from ccd.cli import main
from tests.config.conftest import make_project


@pytest.fixture
def ccd(tmp_path, monkeypatch, capsys):
    """Run the command line with the demo components: exit code, stdout, stderr."""
    catalogue.load()  # before the project, whose own load brings the demo components alone
    make_project(tmp_path, monkeypatch)
    monkeypatch.delenv("CCD_DEBUG", raising=False)

    def command(*arguments: str, columns: int = 100) -> tuple[int, str, str]:
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setattr(sys, "argv", ["ccd", *arguments])
        with pytest.raises(SystemExit) as caught:
            main()
        out, err = capsys.readouterr()
        return caught.value.code or 0, out, err

    return command


@pytest.mark.parametrize("columns", [60, 80, 120, 200])
@pytest.mark.parametrize("name", ["demo_schedule", "recipe", "step_curriculum", "Search"])
def test_details_fit_any_window(ccd, name, columns):
    code, out, err = ccd("list", name, columns=columns)
    assert (code, err) == (0, "")
    assert all(len(line) <= columns for line in out.splitlines())


def test_family_with_settings(ccd):
    _, out, _ = ccd("list", "demo_schedule")
    for part in ("demo_cosine", "A quarter of a cosine.", "offset", "float in [0, 1]", "0.008"):
        assert part in out
    assert "demo_files" not in out


def test_settings_of_a_family_stand_in_line(ccd):
    lines = ccd("list", "recipe")[1].splitlines()
    rows = [line for line in lines if line.startswith("  ") and "  None  " in line]
    assert len(rows) >= 5
    assert len({line.index("None") for line in rows}) == 1


def test_all_families(ccd):
    _, out, _ = ccd("list")
    firsts = [line.split()[0] for line in out.splitlines() if line[:1].strip()]
    assert firsts[0] == "recipe"
    assert {"demo_schedule", "demo_dataset"} <= set(firsts)
    assert "interval" not in out


@pytest.mark.parametrize("columns", [80, 100, 140, 200])
def test_all_of_ccd_fits_one_screen(columns):
    done = subprocess.run(
        [sys.executable, "-m", "ccd", "list"],
        env={**os.environ, "COLUMNS": str(columns)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert len(lines) <= 48
    assert all(len(line) <= columns for line in lines)
    assert "boundary_curriculum" in done.stdout
    assert ("How much noise each diffusion step adds." in done.stdout) == (columns >= 140)


def test_every_family_of_ccd_is_described_once_and_in_one_line(ccd):
    catalogue.load()
    own = {c.family for c in registry.components() if c.target.__module__.startswith("ccd.")}
    assert set(catalogue.FAMILIES) == own
    for family, about in catalogue.FAMILIES.items():
        assert about[0].isupper()
        assert about.endswith(".")
        assert ccd("list", family)[1].startswith(f"{family}: {about}\n")


def test_a_component_with_the_meaning_of_its_settings(ccd):
    code, out, err = ccd("list", "step_curriculum")
    assert (code, err) == (0, "")
    assert out.startswith("step_curriculum (curriculum)\n\nMove to the next harder pool every")
    meaning = "Epochs per pool, the paper's delta tau."
    assert f"\n  interval: int >= 1, default 3\n      {meaning}\n" in out
    assert "\npassed by ccd\n  epoch: Current epoch, counted from 0.\n" in out
    assert "boundary_curriculum" not in out


def test_a_docstrings_lines_are_wrapped_anew(ccd):
    """In a wide window a meaning is one line, in a narrow one its lines begin in one column."""
    meaning = "What is searched. Components are chosen as `'@name'`; a component's own settings are"
    assert f"      {meaning} searched only" in ccd("list", "Search", columns=200)[1]
    lines = ccd("list", "Search", columns=40)[1].splitlines()
    start = lines.index("      What is searched. Components are     ".rstrip().ljust(40))
    assert [line[:6].strip() for line in lines[start : start + 4]] == [""] * 4


def test_a_component_as_json(ccd):
    _, out, _ = ccd("list", "demo_cosine", "--json")
    (cosine,) = json.loads(out)["demo_schedule"]
    assert (cosine["component"], cosine["run_time"]) == ("demo_cosine", ["steps"])
    assert cosine["description"] == "A quarter of a cosine."


def test_what_a_family_is_called_with_is_said_once_where_it_is_common(ccd, monkeypatch):
    assert ccd("list", "demo_schedule")[1].count("called with: steps") == 1
    assert "called with" not in ccd("list", "demo_diffusion")[1]
    monkeypatch.setattr(registry, "_COMPONENTS", dict(registry._COMPONENTS))

    @registry.component("demo_schedule")
    def demo_timed(steps: int, epoch: int) -> None:
        """Knows the epoch."""

    out = ccd("list", "demo_schedule")[1]
    assert out.count("called with: steps, epoch") == 1
    assert out.count("called with: ") == 3


OWN = """
from ccd.registry import component

@component("demo_schedule")
def demo_own(steps: int) -> None:
    \"\"\"One of my own.\"\"\"
"""


@pytest.mark.parametrize("words", [["demo_schedule"], ["demo_own"]])
def test_parts_of_ones_own(ccd, tmp_path, monkeypatch, words):
    monkeypatch.setattr(registry, "_COMPONENTS", dict(registry._COMPONENTS))
    (tmp_path / "demo_own_parts.py").write_text(OWN)
    try:
        code, out, _ = ccd("list", *words, "--allow-import", "demo_own_parts")
    finally:
        sys.modules.pop("demo_own_parts", None)
    assert code == 0
    assert "One of my own." in out
    assert "demo_own" not in ccd("list", "demo_diffusion")[1]


def test_parts_that_are_not_there(ccd, tmp_path):
    code, out, err = ccd("list", "--allow-import", "demo_nowhere")
    assert (code, out) == (2, "")
    assert f"looked in {tmp_path} and where Python looks" in err
    assert "start ccd in the folder of demo_nowhere.py, or set PYTHONPATH" in err
    assert ccd("list", "--matrix", "--allow-import", "demo_nowhere")[0] == 2


def test_json_describes_settings(ccd):
    code, out, _ = ccd("list", "demo_diffusion", "--json")
    assert code == 0
    (diffusion,) = json.loads(out)["demo_diffusion"]
    assert diffusion["summary"] == "A process with a schedule."
    assert diffusion["settings"][1] == {
        "name": "betas",
        "type": "demo_schedule",
        "slots": ["demo_schedule"],
        "required": True,
        "default": "required",
        "identity": True,
    }


def test_unknown_family(ccd):
    code, out, err = ccd("list", "demo_scedule")
    assert (code, out) == (2, "")
    expected = "no family or component 'demo_scedule'; did you mean demo_schedule?\n"
    assert err == f"ccd: error: {expected}"


def test_unknown_name_near_a_component_and_near_nothing(ccd):
    assert "did you mean demo_cosine?" in ccd("list", "demo_cosin")[2]
    assert "; families: " in ccd("list", "zzz")[2]


def test_unknown_family_as_json(ccd):
    code, out, err = ccd("list", "demo_scedule", "--json")
    assert (code, err) == (2, "")
    error = json.loads(out)["error"]
    assert (error["kind"], error["exit_code"]) == ("ConfigError", 2)
    assert error["what"] == "no family or component 'demo_scedule'"
    assert error["hint"] == "did you mean demo_schedule?"
    assert error["message"] == f"{error['what']}; {error['hint']}"


def test_version(ccd):
    assert ccd("--version") == (0, f"ccd {__version__}\n", "")


def test_help_needs_neither_torch_nor_pydantic():
    code = "import sys, ccd.cli; print({'torch', 'pydantic', 'dgl'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "set()\n"


def test_closed_pipe_is_quiet():
    process = subprocess.Popen(
        [sys.executable, "-m", "ccd", "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() in (0, 1)


@pytest.mark.parametrize("words", [["--help"], ["list", "noise_schedule"], ["list", "--json"]])
def test_lost_output_is_said(words):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "ccd", *words], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 5
    assert done.stderr.startswith("ccd: error: cannot write standard output: No space left")
    assert done.stderr.count("\n") == 1


def test_closed_output_is_quiet():
    command = f"{sys.executable} -m ccd list noise_schedule"
    for closed in (">&-", "2>&-", ">&- 2>&-"):
        done = subprocess.run(["sh", "-c", f"{command} {closed}"], capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")


def test_an_error_of_the_system_is_a_refusal(ccd, monkeypatch):
    def fail() -> None:
        raise PermissionError(13, "Permission denied", "some/file")

    monkeypatch.setattr("ccd.catalogue.load", fail)
    code, _, error = ccd("list")
    assert code == 5
    assert error.startswith(
        "ccd: error: the system refuses a file: Permission denied\n  some/file\n  make"
    )
    code, out, _ = ccd("list", "--json")
    assert json.loads(out)["error"]["kind"] == "ResourceError"
    monkeypatch.setenv("CCD_DEBUG", "1")
    monkeypatch.setattr(sys, "argv", ["ccd", "list"])
    with pytest.raises(PermissionError):
        main()


@pytest.mark.parametrize(
    "error", [MemoryError(), ImportError("libx.so: failed to map segment from shared object")]
)
def test_too_little_memory_is_a_refusal(ccd, monkeypatch, error):
    def fail() -> None:
        raise error

    monkeypatch.setattr("ccd.catalogue.load", fail)
    code, _, said = ccd("list")
    assert code == 5
    assert said.startswith("ccd: error: not enough memory: ")


def test_ctrl_c_exits_with_130(ccd, monkeypatch):
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("ccd.catalogue.load", interrupted)
    assert ccd("list")[0] == 130


@pytest.mark.parametrize("ended", ["no key", None, 0, 3])
def test_a_part_that_ends_the_command_is_an_error(ccd, monkeypatch, ended):
    def end():
        raise SystemExit(ended)

    monkeypatch.setattr("ccd.catalogue.load", end)
    code, output, error = ccd("list")
    assert (code, output) == (1, "")
    assert f"a part of your own ended the program, got SystemExit({ended!r})" in error


@pytest.mark.parametrize("words", ["--help", "run --help", "search best --help", "list"])
def test_a_reader_that_leaves_is_no_error(words):
    script = f"{sys.executable} -m ccd {words} | head -c 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_setting_says_whether_it_can_change_what_is_learned(ccd):
    out = ccd("list", "Experiment", columns=120)[1]
    marked = [line.split(":")[0].strip() for line in out.splitlines() if "cannot change" in line]
    assert marked == [
        "probe", "checkpoint", "trackers", "device", "engine", "threads", "rank_timeout",
    ]  # fmt: skip
    (listed,) = json.loads(ccd("list", "Experiment", "--json")[1])["experiment"]
    assert [s["name"] for s in listed["settings"] if not s["identity"]] == marked

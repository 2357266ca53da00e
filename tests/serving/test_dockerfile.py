"""The service's Dockerfile, as far as it can be checked without Docker."""

import ast
import json
import re
import subprocess
import sys
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import typer
from packaging.requirements import Requirement

from ccd.cli import app

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "tools" / "serve.Dockerfile").read_text()
LINES = re.sub(r"\\\n\s*", " ", TEXT).splitlines()
STEPS = [line.split(maxsplit=1) for line in LINES if line and not line.startswith("#")]


def step(name):
    return [rest for word, rest in STEPS if word == name]


def test_every_step_is_one_of_docker_s():
    known = {"FROM", "COPY", "RUN", "USER", "WORKDIR", "EXPOSE", "HEALTHCHECK", "CMD"}
    assert {word for word, _ in STEPS} == known
    assert STEPS[0][0] == "FROM"
    for command in step("RUN"):
        subprocess.run(["sh", "-n", "-c", command], check=True)


def test_what_it_copies_is_there():
    """But for the wheel, whose name is that of the project."""
    (copied,) = step("COPY")
    *sources, _ = copied.split()
    wheel = sources.pop()
    assert all((ROOT / source).is_file() for source in sources)
    assert wheel.startswith("dist/ccdrec-")
    assert 'name = "ccdrec"' in (ROOT / "pyproject.toml").read_text()
    assert "pip wheel --no-deps --wheel-dir dist ." in TEXT


def test_its_commands_parse():
    (health,), (serve,) = step("HEALTHCHECK"), step("CMD")
    python, option, code = json.loads(health.removeprefix("CMD "))
    assert (python, option) == ("python", "-c")
    ast.parse(code)
    program, command, *rest = json.loads(serve)
    assert (program, command) == ("ccd", "serve")
    parser = typer.main.get_command(app).commands["serve"]
    parsed = parser.make_context("serve", rest)
    assert parsed.params["host"] == "0.0.0.0"


USED = """
import sys
absent = set(sys.argv[1].split(","))
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in absent:
            raise ModuleNotFoundError(f"{name} is not in the image", name=name)
sys.meta_path.insert(0, Absent())
from pathlib import Path
import ccd.cli
from ccd.serving.app import make_app
from ccd.serving.holder import Holder
import ccd.serving.server
holder = Holder(Path(sys.argv[2]), every=60)
make_app(holder)
print(holder.current.lists.for_user("3", 5).items)
"""


def closure(names):
    """Distributions that these need, themselves included."""
    found, left = set(), [name.lower() for name in names]
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            for text in requires(name) or ():
                needed = Requirement(text)
                if needed.marker is None or needed.marker.evaluate({"extra": ""}):
                    left.append(re.sub(r"[-_.]+", "-", needed.name).lower())
    return found


def test_the_packages_that_it_installs_suffice(exported):
    (install,) = re.findall(r"constraints.txt +(.+?) +&&", step("RUN")[0])
    there = closure(install.split())
    absent = {
        module
        for module, owners in packages_distributions().items()
        if not {re.sub(r"[-_.]+", "-", owner).lower() for owner in owners} & {*there, "ccdrec"}
    }
    assert {"torch", "dgl", "scipy", "gin"} <= absent
    command = [sys.executable, "-c", USED, ",".join(absent), str(exported)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.strip(" []\n").split()) == 5

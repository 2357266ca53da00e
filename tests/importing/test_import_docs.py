"""docs/import.md keeps its promises: its commands and its code run as they stand there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.commands import commands
from tests.importing.shop import N_NEW, write_shop
from tests.importing.worlds import loaded

TEXT = (Path(__file__).parents[2] / "docs" / "import.md").read_text(encoding="utf-8")
COMMANDS = [
    line.removeprefix("$ ")
    for block in re.findall(r"^```console\n(.*?)^```$", TEXT, re.M | re.S)
    for line in block.splitlines()
]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """The folder of the shop after all commands, and what each of them printed."""
    folder = tmp_path_factory.mktemp("ten-minutes")
    write_shop(folder)
    printed = {}
    with commands(CCD_CACHE=str(folder / "cache")) as made:
        for command in COMMANDS:
            program, *words = shlex.split(command)
            assert program == "ccd"
            done = made.run(*words, folder=folder)
            assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
            printed[command] = done.stdout
    return folder, printed


def said(printed: dict[str, str], start: str) -> str:
    return next(text for command, text in printed.items() if command.startswith(start))


def test_the_commands_run_and_say_what_the_page_says(shop):
    folder, printed = shop
    text = said(printed, "ccd data import")
    for words in ("user  customer_id (guessed)", "k-core round", "user and item repeated"):
        assert words in text
    assert "item is in no table of items" in text
    assert "all are as they were imported" in said(printed, "ccd data check")
    assert "FREEDOM+DMA+NDI+CNS" in said(printed, "ccd run")
    assert "Thing" in said(printed, "ccd recommend")
    found = loaded(folder / "data" / "shop")
    assert found.n_items >= N_NEW
    assert "000159" in found.item_ids
    assert all(len(user) == 8 for user in found.user_ids)
    assert not any(item.startswith("9") for item in found.item_ids)
    names = {path.name for path in (folder / "data" / "shop").iterdir()}
    assert names == {"interactions.parquet", "users.parquet", "items.parquet", "shop.gin",
                     "import.json", "text_feat.npy", "image_feat.npy"}  # fmt: skip
    assert 0 < (found.features["text"] == 0).all(axis=1).sum() < 20
    assert found.features["image"].any(axis=1).all()
    assert not any("in the order of the item ids?" in note for note in found.notes)


def test_the_code_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"^```python\n(.*?)^```$", TEXT, re.M | re.S)
    names: dict[str, object] = {}
    exec(compile(block, "docs/import.md", "exec"), names)
    for line, comment in re.findall(r"^(shop\..*?)  # (.*)$", block, re.M):
        assert repr(eval(line, names)) == comment

"""The page by its content, and in Chromium where that is installed."""

import html
import json
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from matplotlib.image import imread

from ccd.statistics.comparison import Comparison
from ccd.statistics.paired_tests import wilcoxon
from ccd.views.html_parts import Sorted, to_details, to_page, to_table
from ccd.views.page import collect
from ccd.views.page_html import to_html

VOID = {"meta", "link", "img", "br", "input"}
needs_chromium = pytest.mark.skipif(
    shutil.which("chromium") is None, reason="Chromium is not installed (Debian's 'chromium')"
)


def chromium(folder, *options):
    """What it writes."""
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu",
               f"--user-data-dir={folder}", *options]  # fmt: skip
    done = subprocess.run(command, check=True, capture_output=True, timeout=60)
    return done.stdout.decode()


class Checker(HTMLParser):
    """Collects tags and attributes, and insists that tags close in order."""

    def __init__(self):
        super().__init__()
        self.open, self.tags = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def page(finished_folder):
    comparison = Comparison(test=wilcoxon, resamples=50)
    return collect([finished_folder], comparison=comparison, slices=True, beyond=True)


@pytest.fixture(scope="module")
def text(page):
    return to_html(page)


def test_it_is_one_file_that_asks_for_nothing_else(text):
    checker = Checker()
    checker.feed(text)
    assert checker.open == []
    for _, attributes in checker.tags:
        for name in ("src", "href"):
            assert re.match(r"#|data:image/svg\+xml;base64,", attributes.get(name, "#"))
    assert "@import" not in text
    assert "url(" not in text


def test_everything_is_on_it_and_can_be_reached_by_keyboard_and_reader(text, page):
    checker = Checker()
    checker.feed(text)
    images = [attributes for tag, attributes in checker.tags if tag == "img"]
    assert len(images) == len(page.figures) == 6
    assert all(image["alt"] for image in images)
    targets = {a["href"][1:] for tag, a in checker.tags if tag == "a"}
    assert targets <= {a.get("id") for _, a in checker.tags}
    assert sum(tag == "h1" for tag, _ in checker.tags) == 1
    for words in (
        "Do FREEDOM+DMA+NDI+CNS rank test items better than FREEDOM?", "recall@20 by slice",
        "Beyond accuracy", "What differs", "<mark>@DiffusionAligner</mark>", "fingerprint",
        "peak memory", "How to reproduce", "ccd run ", "Recall@K",
    ):  # fmt: skip
        assert words in text, words


def test_a_figure_that_cannot_be_drawn_says_why(page):
    without = to_html(
        type(page)("t", page.compared, skipped={"pools": "train with <Experiment.probe>"})
    )
    assert "No figure pools: train with &lt;Experiment.probe&gt;" in without


def test_settings_of_two_folders_stand_under_the_names_in_the_table(finished_folder, tmp_path):
    other = tmp_path / "other run"
    shutil.copytree(finished_folder, other)
    for path in other.glob("FREEDOM-*/run.json"):
        about = json.loads(path.read_text())
        about["settings"]["Trainer.epochs"] = "77"
        path.write_text(json.dumps(about))
    comparison = Comparison(test=wilcoxon, resamples=5)
    made = collect([finished_folder, other / "FREEDOM-1"], comparison=comparison)
    epochs = made.settings["Trainer.epochs"]
    assert (epochs["FREEDOM"], epochs["FREEDOM (other run)"]) == ("5", "77")
    assert "FREEDOM (other run)" in made.figures["ablation"]
    assert "FREEDOM (other run)" in made.figures["curves"]
    assert made.commands[1] == "ccd run 'other run.gin' --only FREEDOM --seed 1"
    assert made.recipes["other run.gin"] == (other / "config.gin").read_text()
    assert f"Data of {other}" in made.facts


def test_names_are_text_whatever_they_hold(page):
    evil = "<script>alert(1)</script>"
    table = page.compared.table
    rows = (replace(table.rows[0], variant=evil), *table.rows[1:])
    compared = replace(page.compared, table=replace(table, rows=rows), notes=(evil,))
    made = to_html(replace(page, title=evil, compared=compared, settings={evil: {evil: evil}}))
    assert "<script>alert" not in made
    assert made.count("&lt;script&gt;alert(1)") > 4


def test_it_is_enough_to_run_everything_again(page, text, finished_folder):
    only = "--only FREEDOM --only FREEDOM+DMA+NDI+CNS"  # two of four; all seeds
    assert page.commands == (f"ccd run config.gin {only}",)
    recipe = (finished_folder / "config.gin").read_text()
    assert f"<details><summary>config.gin</summary><pre>{html.escape(recipe)}</pre>" in text
    assert str(finished_folder) not in text
    assert page.facts["Environment"]["ccd commit"]


def test_the_folder_one_stands_in_has_a_page(finished_folder, monkeypatch):
    monkeypatch.chdir(finished_folder / "FREEDOM-1")
    made = collect([Path()], comparison=Comparison(test=wilcoxon, resamples=5))
    assert made.facts["Data"]["name"] == "planted"
    assert made.commands == ("ccd run config.gin --only FREEDOM --seed 1",)


def test_each_seed_can_be_read_without_a_mouse(text, page):
    _, _, folded = text.partition("<summary>Each seed</summary>")
    cells = page.compared.table.rows[1].cells["recall@20"].values
    for seed, value in zip((1, 2), cells, strict=True):
        row = re.search(rf"{re.escape('+CNS')}</th><td>{seed}</td>.*?</tr>", folded)[0]
        assert f"<td>{value:.4f}</td>" in row


def test_what_is_read_aloud_is_not_the_caption_again(text):
    pairs = re.findall(r'<img alt="([^"]+)".*?<figcaption>(.*?)</figcaption>', text)
    assert len(pairs) == 6
    assert all(alt != caption for alt, caption in pairs)


def test_a_cell_may_have_a_number_to_be_sorted_by():
    made = to_table(("trial", "time"), [("1", Sorted("3m10s", 190.0))])
    assert '<td data-value="190.0">3m10s</td>' in made


@needs_chromium
def test_chromium_sorts_by_that_number_and_prints_what_is_folded(tmp_path):
    rows = [
        (name, Sorted(name, value)) for name, value in (("45s", 45), ("3m10s", 190), ("1h", 3600))
    ]
    page = to_page("t", {"T": to_table(("trial", "time"), rows) + to_details("more", "<p>x</p>")})
    acts = (
        "<script>document.querySelectorAll('th button')[1].click();"
        "dispatchEvent(new Event('beforeprint'));document.title = [...document.querySelectorAll("
        "'td')].map(x => x.textContent) + ' ' + document.querySelector('details').open;"
        "dispatchEvent(new Event('afterprint'));</script>"
    )
    path = tmp_path / "page.html"
    path.write_text(page.replace("</body>", f"{acts}</body>"), encoding="utf-8")
    shown = chromium(tmp_path, "--dump-dom", path.as_uri())
    assert "<title>1h,3m10s,45s true</title>" in shown
    assert "<details><summary>more" in shown


@needs_chromium
@pytest.mark.parametrize("width", [500, 1280])
def test_chromium_shows_it(text, tmp_path, width):
    path = tmp_path / "report.html"
    path.write_text(text, encoding="utf-8")
    size = f"--window-size={width},900"
    chromium(tmp_path, size, f"--screenshot={tmp_path / 'shot.png'}", path.as_uri())
    assert imread(tmp_path / "shot.png").shape[1] == width
    if width == 500:
        return
    shown = chromium(tmp_path, size, "--dump-dom", path.as_uri())
    assert "<button>recall@20</button>" in shown  # the script ran
    assert 'aria-label="Filter the rows of this table"' in shown

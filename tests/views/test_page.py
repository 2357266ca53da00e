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

from ccd.analysis.comparing import Compared
from ccd.analysis.tables import build_table
from ccd.figures.ablation import draw_ablation
from ccd.figures.style import svg_text
from ccd.statistics.comparison import Comparison
from ccd.statistics.paired_tests import wilcoxon
from ccd.views.html_parts import Part, Sorted, to_details, to_page, to_table
from ccd.views.page import Page, collect
from ccd.views.page_html import to_html
from ccd.views.page_tables import settings_html
from tests.runs.changed import seal
from tests.runs.samples import make_result

VOID = {"meta", "link", "img", "br", "wbr", "input"}
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
        "Does FREEDOM+DMA+NDI+CNS rank test items better than FREEDOM?", "recall@20 by slice",
        "Beyond accuracy", "What differs", '<td class="word">@DiffusionAligner</td>', "fingerprint",
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
        seal(path)
    comparison = Comparison(test=wilcoxon, resamples=5)
    made = collect([finished_folder, other / "FREEDOM-1"], comparison=comparison)
    epochs = made.settings["Trainer.epochs"]
    assert (epochs["FREEDOM"], epochs["FREEDOM (other run)"]) == ("5", "77")
    assert "FREEDOM (other run)" in made.figures["ablation"]
    assert "FREEDOM (other run)" in made.figures["curves"]
    # Figures of one run show the last of the table, from its own folder.
    for kind in ("tsne", "pools", "negatives"):
        assert "planted, FREEDOM (other run), seed 1" in made.figures[kind]
    assert made.commands[1] == "ccd run 'other run.gin' --only FREEDOM --seed 1"
    assert made.recipes["other run.gin"] == (other / "config.gin").read_text()
    assert f"Data of {other}" in made.facts


def test_how_each_seed_of_a_variant_ran_is_shown(finished_folder, tmp_path):
    shutil.copytree(finished_folder, tmp_path / "run")
    path = tmp_path / "run" / "FREEDOM-2" / "run.json"
    about = json.loads(path.read_text())
    about["how_it_ran"]["Experiment.threads"] = "8"
    path.write_text(json.dumps(about))
    seal(path)
    made = collect([tmp_path / "run"], comparison=Comparison(test=wilcoxon, resamples=5))
    threads = made.settings["Experiment.threads"]
    assert (threads["FREEDOM"], threads["FREEDOM+DMA+NDI+CNS"]) == ("0, 8", "0")


def test_names_are_text_whatever_they_hold(page):
    evil = "<script>alert(1)</script>"
    table = page.compared.table
    rows = (replace(table.rows[0], variant=evil), *table.rows[1:])
    compared = replace(page.compared, table=replace(table, rows=rows), notes=(evil,))
    made = to_html(replace(page, title=evil, compared=compared, settings={evil: {evil: evil}}))
    assert "<script>alert" not in made
    assert made.count("&lt;script&gt;alert") > 4


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
    page = to_page(
        "t", [Part("T", to_table(("trial", "time"), rows) + to_details("more", "<p>x</p>"))]
    )
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


def wide_page():
    """Fourteen variants, eight metrics."""
    names = [*(f"FREEDOM+DMA+NDI+CNS{i}" for i in range(13)), "a name with <b>a few</b> words"]
    metrics = [f"{kind}@{n}" for kind in ("recall", "ndcg", "precision", "hr") for n in (10, 50)]
    results = [
        replace(make_result(name, seed), test=dict.fromkeys(metrics, 0.1 + 0.01 * i + 0.001 * seed))
        for i, name in enumerate(names) for seed in (1, 2)
    ]  # fmt: skip
    table = build_table(results, {}, baseline=names[0], metrics=metrics)
    settings = {f"Component.setting_{i}": {name: f"@value_{(i * j) % 5}" for j, name in
                enumerate(names)} for i in range(9)}  # fmt: skip
    figures = {"ablation": svg_text(draw_ablation(table))}
    return Page("wide", Compared(table, 0.95), figures=figures, settings=settings)


def test_the_figure_and_the_main_table_lead_and_slices_are_folded(text):
    body = text.partition('<main id="main">')[2]
    figure, table, against = (
        body.index(word) for word in ("<figure>", "<table", "Against FREEDOM")
    )
    assert figure < table < against
    assert "<details><summary>recall@20 by slice</summary>" in text
    by_slice = text.partition("<summary>recall@20 by slice</summary>")[2]
    assert '<th scope="col" class="word">variant</th>' in by_slice[:400]


def test_settings_name_the_variants_that_share_a_value():
    made = settings_html(
        {"a": {"A": "1", "B": "2", "C": "1"}, "b": {"C": "3"}, "c": dict.fromkeys("ABC", "4")},
        ["A", "B", "C"],
    )
    shown, only_some, same = re.split("<details>", made)
    assert re.findall(r"<td class=\"word\">(.*?)</td>", shown) == ["1", "A, C", "2", "B"]
    assert "1 settings of parts that only some variants have" in only_some
    assert re.findall(r"<td class=\"word\">(.*?)</td>", only_some) == ["3", "C"]
    assert re.findall(r"<td class=\"word\">(.*?)</td>", same) == ["4"]


@needs_chromium
@pytest.mark.parametrize("which", ["wide", "real"])
def test_chromium_shows_it_on_1280_pixels_without_scrolling_sideways(text, which, tmp_path):
    page = to_html(wide_page()) if which == "wide" else text
    acts = (
        "<script>document.querySelectorAll('details').forEach(x => x.open = true);"
        "document.title = [document.documentElement, ...document.querySelectorAll('.wide')]"
        ".filter(x => x.scrollWidth > x.clientWidth).map(x => x.innerText).join() || 'all fits';"
        "</script>"
    )
    path = tmp_path / "page.html"
    path.write_text(page.replace("</body>", f"{acts}</body>"), encoding="utf-8")
    shown = chromium(tmp_path, "--window-size=1280,900", "--dump-dom", path.as_uri())
    assert "<title>all fits</title>" in shown


@needs_chromium
def test_chromium_keeps_the_variant_in_view_on_a_phone(tmp_path):
    # A window cannot be as narrow as a phone, but a frame in it can.
    acts = (
        "<script>const box = document.querySelector('table').parentElement;"
        "box.scrollLeft = 300; const at = x => Math.round(x.getBoundingClientRect().left);"
        "document.body.innerHTML = [box.scrollLeft, at(box) === at(box.querySelector('tbody th')),"
        "(x => x.scrollWidth === x.clientWidth)(document.documentElement)].join();</script>"
    )
    path, frame = tmp_path / "page.html", tmp_path / "frame.html"
    path.write_text(to_html(wide_page()).replace("</body>", f"{acts}</body>"), encoding="utf-8")
    frame.write_text(
        f'<iframe src="{path.as_uri()}" width="390" height="800" onload="document.title ='
        ' this.contentDocument.body.textContent.trim()"></iframe>'
    )
    shown = chromium(tmp_path, "--allow-file-access-from-files", "--dump-dom", frame.as_uri())
    assert "<title>300,true,true</title>" in shown

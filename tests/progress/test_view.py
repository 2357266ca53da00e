import io

import pytest
from rich.console import Console

from ccd.progress.states import Progress
from ccd.progress.view import ProgressView
from tests.runs.samples import VARIANTS, make_epoch, make_plan, make_result


def draw(progress, width, height=40, encoding="utf-8"):
    buffer = io.BytesIO()
    stream = io.TextIOWrapper(buffer, encoding=encoding)
    console = Console(file=stream, width=width, height=height, highlight=False)
    console.print(ProgressView(progress))
    stream.flush()
    return buffer.getvalue().decode(encoding)


@pytest.fixture
def progress():
    state = Progress(make_plan(seeds=(999, 1000)), clock=lambda: 0.0)
    state.finish(make_result("FREEDOM"), skipped=True)
    state.finish(make_result("FREEDOM+DMA"), skipped=False)
    state.epoch(make_epoch("FREEDOM+DMA+NDI", epoch=36, value=0.0912))
    return state


def test_wide_window_shows_everything(progress):
    text = draw(progress, 200)
    for word in (
        *VARIANTS, "999", "1000", "37/100", " 2/4 ", "0.4100", "0.0912", "0.1200@4", "2.0 s/epoch",
        "~40s", "skipped", "finished", "0.1000@31", "2m00s", "bpr 0.3000", "recall@10", "2/8 runs",
    ):  # fmt: skip
        assert word in text, word


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120])
def test_narrow_windows_drop_columns_but_never_break_lines_or_lose_runs(progress, width):
    text = draw(progress, width)
    lines = text.splitlines()
    assert max(map(len, lines)) <= width
    assert sum(line.startswith(("✓", "▶", "·")) for line in lines) == 8
    for word in ("37/100", "~40s", "1000", "2/8 runs"):
        assert word in text, word


def test_more_runs_than_lines_are_summarised(progress):
    big = Progress(make_plan(seeds=tuple(range(50))), clock=lambda: 0.0)
    for seed in range(10):
        for variant in VARIANTS:
            big.finish(make_result(variant, seed, value=0.01 * seed), skipped=False)
    big.epoch(make_epoch("FREEDOM", 10))
    text = draw(big, 100, height=24)
    assert len(text.splitlines()) <= 24
    assert "▶ FREEDOM" in text
    assert "more finished, the best" in text
    assert "more waiting" in text


def test_ascii_terminal_gets_ascii_only(progress):
    text = draw(progress, 60, encoding="ascii")
    assert "> FREEDOM+DMA+NDI" in text
    assert "+ FREEDOM" in text


def test_long_names_keep_their_end(progress):
    names = tuple(f"a very long name of a schedule, number {i}" for i in range(3))
    state = Progress(make_plan(variants=names), clock=lambda: 0.0)
    text = draw(state, 40)
    assert all(f"number {i}" in text for i in range(3))

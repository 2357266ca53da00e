"""What all figures have in common: colours that every eye can tell apart, canvas, files."""

from __future__ import annotations

import io
import string
import textwrap
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ccd.collector import collector_paused
from ccd.files import replacing
from ccd.terminal.visible import visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's palette but for its yellow, which vanishes in print."""

GREY = "#999999"
"""Colour of what the rest is compared with."""

DARK_GREY = "#595959"
"""The grey of thin marks and lines."""

DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)), (0, (8, 2)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
"""Beside the colours, for prints in black and white."""

RAMP = ("#C6DBEF", "#6BAED6", "#2171B5", "#08306B")
"""Light to dark: of what grows, such as hardness."""


def new_figure(width: float, height: float) -> Figure:
    """An empty figure in inches, of no window system.

    matplotlib is imported here and not on top: it takes a second.
    """
    with collector_paused():
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

    class Shown(Figure):
        """A figure that a notebook shows by itself, without pyplot."""

        def _repr_png_(self) -> bytes:
            file = io.BytesIO()
            self.savefig(file, format="png")
            return file.getvalue()

    figure = Shown(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def tidy(axes: Axes, title: str = "", x: str = "", y: str = "") -> None:
    """Title at the left, small ticks, no box."""
    axes.set_title(title, fontsize=10, loc="left")
    axes.set_xlabel(x, fontsize=9)
    axes.set_ylabel(y, fontsize=9)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def above_right(axes: Axes, columns: int) -> None:
    """The legend on the title's line, where it hides no data."""
    axes.legend(
        fontsize=8, frameon=False, ncols=columns, loc="lower right", bbox_to_anchor=(1, 1),
        borderaxespad=0,
    )  # fmt: skip


def legend_label(name: str) -> str:
    """``name`` as a legend shows it: matplotlib leaves out what begins with an underscore."""
    return f" {name}" if name.startswith("_") else name


def single(values: Sequence[object]) -> str:
    """The marker of a line: a line through one point cannot be seen without."""
    return "o" if len(values) == 1 else ""


def whole_numbers(axes: Axes) -> None:
    """Epochs and trials are counted: no ticks between them."""
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))


def ramp(n: int) -> list[str]:
    """``n`` colours from light to dark."""
    from matplotlib.colors import LinearSegmentedColormap, to_hex

    scale = LinearSegmentedColormap.from_list("ramp", RAMP)
    return [to_hex(scale(i / max(n - 1, 1))) for i in range(n)]


_JOINT = "\u2060"
"""Marks where a word may be broken; shown nowhere."""


def wrapped(text: str, width: int, lines: int = 3) -> str:
    """``text`` in at most ``lines`` lines; what is longer loses its middle, not its end.

    Names of variants often differ in their last letters only.
    """
    text = visible(text, keep=string.whitespace)
    # A word that is too long breaks after a '+', which joins the parts of a variant.
    joints = [f"{word.replace('+', f'+{_JOINT} ')}" if len(word) > width else word
              for word in text.split(" ")]  # fmt: skip
    made = [
        line.replace(f"{_JOINT} ", "").replace(_JOINT, "")
        for line in textwrap.wrap(" ".join(joints), width, break_on_hyphens=False)
    ]
    if len(made) > lines:
        made = [*made[: lines - 1], f"…{text.strip()[1 - width :]}"]
    return "\n".join(made)


def listed_seeds(seeds: Sequence[int]) -> str:
    """``seed 1``, ``seeds 1, 2, 3``, or how many where they are too many to list."""
    if len(seeds) > 6:
        return f"{len(seeds)} seeds"
    return f"seed{'s'[: len(seeds) != 1]} {', '.join(map(str, seeds))}"


def svg_text(figure: Figure) -> str:
    """The figure as the text of an SVG file."""
    buffer = io.StringIO()
    _write(figure, buffer, "svg")
    return buffer.getvalue()


def save(figure: Figure, stem: Path, formats: Sequence[str] = ("png", "svg")) -> list[Path]:
    """Write ``stem.png`` and ``stem.svg``, atomically; the same figure gives the same bytes.

    Raises:
        ResourceError: A file cannot be written.
    """
    paths = []
    for name in formats:
        path = stem.with_name(f"{stem.name}.{name}")
        with replacing(path) as temporary:
            _write(figure, temporary, name)
        paths.append(path)
    return paths


def _write(figure: Figure, target: Path | io.StringIO, name: str) -> None:
    import matplotlib
    from matplotlib.text import Text

    metadata = {"Date": None} if name == "svg" else {}
    # A name of the user's may hold any characters: a dollar sign begins no formula.
    for text in figure.findobj(Text):
        text.set_parse_math(False)
        if not (shown := text.get_text()).isprintable():
            text.set_text(visible(shown, keep="\n"))
    # Text stays text, and names of clip paths are no random numbers. Tick labels are made late.
    style = {"svg.fonttype": "none", "svg.hashsalt": "ccd", "text.parse_math": False}
    with matplotlib.rc_context(style), warnings.catch_warnings():
        # Names in scripts that the font lacks, or too long for their panel: nothing to act upon.
        warnings.simplefilter("ignore", UserWarning)
        figure.savefig(target, format=name, dpi=150, metadata=metadata)

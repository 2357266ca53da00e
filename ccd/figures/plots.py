"""Draw a figure of a run folder, by the figure's name."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ccd.arguments import as_path, as_text, as_texts, as_whole
from ccd.errors import ConfigError
from ccd.figures.catalogue import FIGURES, OPTIONS
from ccd.finished.runs import FinishedRun, choose_run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ccd.search.study import Study


@dataclass(frozen=True)
class Request:
    """What is to be drawn.

    Attributes:
        folder: A run folder; for ``sensitivity`` also a study or a folder of run folders.
        variant: For figures of one run: which, by default the last; for curves by default all.
        seed: For figures of one run: which, by default the first; for curves by default all.
        metric: For curves and sensitivity of runs; by default one that selects the epoch.
        users: For ``tsne`` and ``negatives``: how many users are drawn.
        data_dir: Folder that holds the data set, where it is not where the run found it.
        imports: Python modules that the runs' settings may import.
        study: For ``sensitivity``: an opened study, instead of what ``folder`` holds.
        opened: For figures of one run: that run, instead of one of ``folder``.
        called: What ``opened`` is called where its variant's name is not enough.
    """

    folder: Path
    variant: str | None = None
    seed: int | None = None
    metric: str | None = None
    users: int | None = None
    data_dir: Path | None = None
    imports: Sequence[str] = ()
    study: Study | None = None
    opened: FinishedRun | None = None
    called: str | None = None

    @cached_property
    def run(self) -> FinishedRun:
        """The one run of a figure that shows one."""
        return self.opened or choose_run(self.folder, self.variant, self.seed, self.imports)

    @property
    def title(self) -> str:
        """Names that run."""
        result = self.run.result
        return f"{result.dataset}, {self.called or result.variant}, seed {result.seed}"


def plot(
    folder: str | Path,
    kind: str = "ablation",
    *,
    variant: str | None = None,
    seed: int | None = None,
    metric: str | None = None,
    users: int | None = None,
    data_dir: str | Path | None = None,
    allow_imports: Sequence[str] = (),
) -> Figure:
    """A figure of finished runs, as ``ccd plot`` draws it.

    Args:
        folder: A run folder, or a run's own folder.
        kind: ``ablation``, ``curves``, ``speed``, ``tradeoff``, ``pools``, ``tsne``,
            ``negatives``, ``sensitivity`` or ``cost``.
        variant: Which variant, for figures that show one run.
        seed: Which seed, for figures that show one run.
        metric: For ``curves``, ``speed``, ``tradeoff`` and ``sensitivity``.
        users: How many users are drawn, for ``tsne`` and ``negatives``.
        data_dir: Folder that holds the data set, where it is not where the run found it.
        allow_imports: Python modules with parts of your own; only needed to rebuild models.

    Raises:
        ConfigError: The folder does not hold what the figure shows, or the figure has no use for
            an option.
    """
    request = Request(
        as_path("folder", folder),
        variant=None if variant is None else as_text("variant", variant),
        seed=None if seed is None else as_whole("seed", seed),
        metric=None if metric is None else as_text("metric", metric),
        users=None if users is None else as_whole("users", users, least=1),
        data_dir=None if data_dir is None else as_path("data_dir", data_dir),
        imports=as_texts("allow_imports", allow_imports),
    )
    return draw(as_text("kind", kind), request)


def draw(kind: str, request: Request) -> Figure:
    """Draw a figure of a finished run.

    Args:
        kind: A name in ``FIGURES``.
        request: What to draw it from.

    Raises:
        ConfigError: There is no such figure, the folder does not hold what it shows, or it has no
            use for an option.
    """
    if kind not in FIGURES:
        raise ConfigError(f"no figure '{kind}'", hint=f"choose one of {', '.join(FIGURES)}")
    for name in OPTIONS:
        if getattr(request, name) is not None and name not in FIGURES[kind].options:
            others = [other for other, entry in FIGURES.items() if name in entry.options]
            raise ConfigError(
                f"the figure '{kind}' has no use for --{name}",
                keys=(f"--{name}",),
                hint=f"leave it out, or draw one that has: {', '.join(others)}",
            )
    drawn: Callable[[Request], Figure] = pkgutil.resolve_name(FIGURES[kind].draw)
    return drawn(request)

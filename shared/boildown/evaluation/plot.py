"""Retention over rate: one panel for each file, one line for each method."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from boildown.errors import ConfigurationError, MissingExtraError
from boildown.evaluation.report import Row

__all__ = ["check_plot", "save_plot"]

# Okabe and Ito's palette, which colour-blind readers can tell apart; markers and dashes say the same once more.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_DASHES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (1, 1)))


def check_plot(path: str | Path) -> None:
    """Says before a long evaluation what would keep its plot from being written.

    Raises:
        ConfigurationError: there is no such folder, or nothing can be written to it.
        MissingExtraError: matplotlib is not installed.
    """
    path = Path(path)
    if not path.name:
        raise ConfigurationError(f"{str(path)!r} is no file name for the plot.")
    if not path.parent.is_dir():
        raise ConfigurationError(f"There is no folder {path.parent} to put the plot into.")
    for file in _files(path):
        if file.is_dir() or not os.access(file if file.exists() else file.parent, os.W_OK):
            raise ConfigurationError(f"The plot {file} cannot be written.")
    if find_spec("matplotlib") is None:
        raise MissingExtraError("matplotlib", "evaluation", "A plot")


def save_plot(rows: Sequence[Row], path: str | Path) -> list[Path]:
    """Writes the plot as PNG and as SVG, which are the same on every run.

    All panels have the same axes. A file without answers is drawn by gold retention, and its title says so.

    Args:
        rows: of `summarise`.
        path: where to; its ending is replaced by .png and by .svg.

    Returns:
        The files written.

    Raises:
        ConfigurationError: there is nothing to draw, or a file cannot be written.
        MissingExtraError: matplotlib is not installed.
    """
    check_plot(path)
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    panels = _panels(rows)
    if not panels:
        raise ConfigurationError("There is nothing to plot: no question has an answer or a gold document.")
    methods = list(dict.fromkeys(row.method for row in rows))
    columns = min(4, len(panels))
    lines = math.ceil(len(panels) / columns)
    # Names of files and models are no mathematics, whatever dollar signs they hold.
    look = {"svg.hashsalt": "boildown", "svg.fonttype": "none", "font.size": 9, "text.parse_math": False}
    with rc_context(look):
        figure = Figure(figsize=(2.7 * columns + 0.6, 2.3 * lines + 0.9), layout="constrained")
        axes = figure.subplots(lines, columns, squeeze=False, sharex=True, sharey=True).flatten().tolist()
        for axis, (file, (measure, shown)) in zip(axes, panels.items(), strict=False):
            _draw(axis, file, measure, shown, methods)
        for axis in axes[len(panels) :]:
            axis.set_axis_off()
            axes[axes.index(axis) - columns].tick_params(labelbottom=True)  # the lowest of its column now
        figure.supxlabel("tokens kept / tokens in")
        figure.supylabel("retention")
        handles = {text: h for axis in axes for h, text in zip(*axis.get_legend_handles_labels(), strict=True)}
        figure.legend(
            [handles[m] for m in methods if m in handles],
            [m for m in methods if m in handles],
            loc="outside upper center",
            ncols=min(len(handles), 6),
            frameon=False,
            handlelength=3.2,
        )
        written = _files(Path(path))
        try:
            figure.savefig(written[0], dpi=150, metadata={"Software": None})
            figure.savefig(written[1], metadata={"Date": None})
        except OSError as error:
            raise ConfigurationError(f"The plot cannot be written: {error}.") from error
    return written


def _files(path: Path) -> list[Path]:
    return [path.with_suffix(".png"), path.with_suffix(".svg")]


def _panels(rows: Sequence[Row]) -> dict[str, tuple[str, list[Row]]]:
    """For each file that has something to show, the name of the measure and the rows that have it."""
    panels = {}
    for file in dict.fromkeys(row.file for row in rows):
        own = [row for row in rows if row.file == file]
        for measure in ("answer_retention", "gold_retention"):
            shown = [row for row in own if getattr(row, measure) is not None]
            if shown:
                panels[file] = (measure, shown)
                break
    return panels


def _draw(axis: Any, file: str, measure: str, rows: Sequence[Row], methods: Sequence[str]) -> None:
    for place, method in enumerate(methods):
        points = sorted((row.rate or 0.0, getattr(row, measure)) for row in rows if row.method == method)
        if points:
            axis.plot(
                *zip(*points, strict=True),
                label=method,
                color=_COLOURS[place % len(_COLOURS)],
                marker=_MARKERS[place % len(_MARKERS)],
                linestyle=_DASHES[place % len(_DASHES)],
                markersize=4,
                linewidth=1.4,
            )
    axis.set_title(file if measure == "answer_retention" else f"{file} (gold documents)", fontsize=9)
    axis.set_xlim(left=0)
    axis.set_ylim(0, 1.03)
    axis.grid(color="#dddddd", linewidth=0.6)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)

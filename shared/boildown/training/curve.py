"""The loss curve of a run, drawn when matplotlib is installed."""

from __future__ import annotations

import json
from pathlib import Path

PANELS = (("token", "sentence"), ("list", "ranking", "weak"), ("relevance",), ("rate",))


def read_log(path: Path) -> list[dict[str, float]]:
    """Entries of a log by step; where a resumed run repeats a step, the later entry counts."""
    entries = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            entry = json.loads(line)
        except ValueError:  # the beginning of a line, as a run that was killed leaves it
            continue
        entries[entry["step"]] = entry
    return [entries[step] for step in sorted(entries)]


def draw_curve(log: Path, picture: Path) -> None:
    """Draws the log as a picture, unless matplotlib is missing or the log is empty."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return
    entries = read_log(log)
    if not entries:
        return
    figure = Figure(figsize=(12, 3), layout="constrained")
    for axes, names in zip(figure.subplots(1, len(PANELS)), PANELS, strict=True):
        for name in names:
            axes.plot([e["step"] for e in entries], [e[name] for e in entries], label=name)
        axes.set_xlabel("step")
        axes.legend()
    figure.savefig(picture)

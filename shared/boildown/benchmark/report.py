"""A row's result in words, for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median
from typing import Any

from boildown.benchmark.rows import ROWS
from boildown.tables import table

__all__ = ["row_report"]

Found = Mapping[str, Any]


def row_report(name: str, found: Found) -> str:
    """What `boildown.benchmark.processes.measure` found for a row of this name."""
    row = ROWS[name]
    head = f"{name}: {row.what}{row.model and f', {row.model}'}"
    if "systems" in found:
        lines = _systems(found, row.base)
    elif name == "concurrency":
        lines = _concurrency(found)
    elif name == "cached":
        lines = _cached(found)
    else:
        numbers = {key: value for key, value in found.items() if isinstance(value, (int, float))}
        lines = [f"{key:28} {value:10,.3f}{_goal(row.goals.get(key))}" for key, value in numbers.items()]
    return "\n  ".join([head, *lines])


def _systems(found: Found, base: str) -> list[str]:
    systems = found["systems"]
    theirs = systems.get(base, {}).get("peak_mib")
    wanted = found["goals"]
    columns = ("seconds", "times faster", "least to greatest", "forwards", "tokens", "peak MiB", "of its memory")
    rows = [(f"beside {base}", *columns, "goal")]
    for system, entry in systems.items():
        ratio, peak = entry.get("ratio"), entry.get("peak_mib")
        goals = [f"{wanted[system]:g}x"] if wanted.get(system) else []
        if system == "auto" and wanted.get("memory"):
            goals.append(f"memory {wanted['memory']:g}x")
        rows.append(
            (
                f"{base} {found['machine'][base]}" if system == base else system,
                f"{median(entry['seconds']):.3f}",
                f"{ratio['median']:.1f}x" if ratio else "",
                f"{ratio['least']:.1f} to {ratio['greatest']:.1f}" if ratio else "",
                str(entry["forwards"]),
                f"{entry['forwarded']:,}",
                "" if peak is None else f"{peak:,.0f}",
                f"{peak / theirs:.2f}x" if peak is not None and theirs and system != base else "",
                ", ".join(goals),
            )
        )
    lines = table(rows).splitlines()
    if base not in systems:
        lines.append(f"{base} is not installed, so boildown was measured alone: pip install {base}")
    if "same_text" in found:
        lines.append(f"the exact mode's text is llmlingua's: {'yes' if found['same_text'] else 'no'}")
    return lines


def _concurrency(found: Found) -> list[str]:
    rows = [("", "seconds", "times one core", "least to greatest", "times one at a time", "answers that differ")]
    for part in found["rows"]:
        for name, way in part["ways"].items():
            times = way["times_one_core"]
            rows.append(
                (
                    f"{found['requests']} requests of {part['documents']} documents, {name}",
                    f"{way['seconds']['median']:.2f}",
                    f"{times['median']:.2f}",
                    f"{times['least']:.2f} to {times['most']:.2f}",
                    f"{way['times_one_at_a_time']['median']:.2f}",
                    str(way["answers_that_differ"]),
                )
            )
    loop = found["event_loop"]
    return [
        *table(rows).splitlines(),
        f"goal of all at once, on two cores: {found['goal_times']:g} times one core",
        f"an event loop beside {loop['requests']} requests: at most {loop['most_late_ms']['median']:.0f} ms late "
        f"(idle: {loop['idle_most_late_ms']['median']:.0f} ms){_goal(loop['goal_late_ms'])}",
    ]


def _cached(found: Found) -> list[str]:
    rows = [(f"{found['documents']} documents, no model runs", "p50 ms", "p95 ms", "best ms", "goal")]
    for part in found["rows"]:
        cells = [f"{part[key]:.2f}" for key in ("p50_ms", "p95_ms", "best_ms")]
        what = f"scores from the {part['place']}, cut by {part['unit']}s"
        rows.append((what, cells[0], cells[1], cells[2], f"{found['goal_ms']:g}"))
    return table(rows).splitlines()


def _goal(goal: float | None) -> str:
    return "" if goal is None else f"   goal {goal:g}"

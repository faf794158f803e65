"""The report's section about inputs that nobody would write by hand, and about memory after many calls."""

from __future__ import annotations

from report_tables import Results, missing, table

__all__ = ["fuzzed", "leaks"]


def fuzzed(results: Results) -> list[str]:
    """Generated inputs by area, and what was found."""
    report = results.read("fuzz")
    if report is None:
        return missing("python tests/fuzz --record examples/benchmarks/results/fuzz.json")
    for finding in report["findings"]:
        # The first line names the error; the smallest input that makes it may be of any length.
        what = finding["found"].strip().splitlines()[0]
        results.missed.append(f"Fuzzing, `{finding['target']}`: {what}")
    areas = sorted(report["inputs_by_area"].items(), key=lambda area: -area[1])
    return [
        "What must hold for any input is tested on generated ones: nothing but this package's own errors is raised, no "
        "budget is exceeded, spans are in order and cut out exactly the text, of JSON only strings get shorter, and no "
        "input is changed.",
        "",
        *table(["area", "inputs"], [[name, f"{count:,}"] for name, count in areas]),
        f"{report['inputs']:,} inputs over {len(report['inputs_by_target'])} targets, seed {report['seed']}; findings: "
        f"{len(report['findings'])}. Again: `{report['command']}`.",
        "",
    ]


def leaks(results: Results) -> list[str]:
    """What memory grows by in the second half of many calls."""
    report = results.read("leaks")
    if report is None:
        return missing("python tests/fuzz/leaks.py --record examples/benchmarks/results/leaks.json")
    room = report["room"]
    body = []
    for row in report["rows"]:
        grown = f"{_kib(row['python_bytes'])} in Python, {_kib(row['process_bytes'])} in the process"
        if not row["flat"]:
            results.missed.append(f"Memory, {row['subject']}: {row['calls'] // 2:,} calls grew it by {grown}.")
        cells = [f"{row['calls']:,}", _kib(row["python_bytes"]), _kib(row["process_bytes"])]
        body.append([row["subject"], *cells, "yes" if row["flat"] else "**no**"])
    return [
        "Calls with new text each; caches, models and pools may fill in the first half of them. In the second half "
        f"memory may grow by {_kib(room['python_bytes'])} as Python traces it, and by {_kib(room['process_bytes'])} as "
        "the system counts the process, which takes it in steps.",
        "",
        *table(["called", "calls", "Python's memory", "the process", "flat"], body),
    ]


def _kib(count: int) -> str:
    return f"{count / 1024:,.0f} KiB"

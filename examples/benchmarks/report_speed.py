"""The report's sections about speed and memory."""

from __future__ import annotations

from statistics import median
from typing import Any

from report_tables import Results, missing, table

from boildown.benchmark.processes import ALONE
from boildown.benchmark.rows import ROWS

__all__ = ["alone", "beside", "limits", "measured_by", "memory", "selection"]

NAMES = {"auto": "fastest precision", "float32": "float32", "int8": "int8", "exact": "the same text as llmlingua's"}
REQUEST = "bundled model, 20 documents of 150 tokens"
ENCODERS = {
    "speed_gemm-bert": "BERT-base",
    "speed_gemm-xlmr": "XLM-R-large",
    "speed_gemm-minilm": "the bundled model's size",
}
COMPARED = [name for name, row in ROWS.items() if row.task not in ALONE]


def measured_by(rows: str) -> str:
    """The command that measures these rows, for this page."""
    return f"boildown bench {rows} --out examples/benchmarks/results"


def where(report: dict[str, Any]) -> str:
    machine = report["machine"]
    package = "".join(f", {name} {machine[name]}" for name in ("llmlingua", "sentence-transformers") if name in machine)
    return (
        f"{machine['processor']}, {machine['cores']} cores; {machine['device']}, {machine['dtype']}; "
        f"torch {machine['torch']}{package}"
    )


def beside(base: str, results: Results, device: str) -> list[str]:
    """Seconds beside another package's on the same weights, and how many times faster."""
    body: list[list[str]] = []
    machines: dict[str, None] = {}
    for name in (name for name in COMPARED if ROWS[name].base == base):
        report = results.read(f"speed_{name}")
        if report is None and ROWS[name].gpu and device != "GPU":
            continue
        if report is None:
            body.append([name, "not measured yet", "", "", f"`{measured_by(name)}`"])
            continue
        machines[where(report)] = None
        systems = report["systems"]
        theirs = median(systems[base]["seconds"]) if base in systems else None
        for system in (s for s in systems if s != base):
            what = f"{report['what']}, {report['model']}: {NAMES.get(system, system)}"
            ratio, goal = systems[system].get("ratio"), report["goals"].get(system)
            faster = f"{ratio['median']:.1f}× ({ratio['least']:.1f} to {ratio['greatest']:.1f})" if ratio else "–"
            judged = ""
            if ratio and goal is not None:
                judged = results.judge(f"{device}: {what}", ratio["median"], goal, unit="×")
            elif ratio and ratio["median"] < 1:
                results.missed.append(f"{device}: {what} is slower than {base} ({ratio['median']:.2f}×).")
            shown = "–" if theirs is None else f"{theirs:.3f}"
            body.append([what, shown, f"{median(systems[system]['seconds']):.3f}", faster, judged])
            if system == "exact" and report.get("same_text") is False:
                results.missed.append(f"{device}: {what} gave another text than llmlingua.")
    head = ["", f"{base}, s", "boildown, s", "times faster (least to most)", "goal"]
    return [*(f"{machine}.\n" for machine in machines), *table(head, body)]


def alone(results: Results, device: str) -> list[str]:
    """The bundled model, cold starts, the share of the hardware's rate, and growth."""
    rows: list[list[str]] = []

    def add(name: str, what: str, key: str, shown: str, *, most: bool = True, unit: str = "", scale: float = 1) -> None:
        report = results.read(name)
        if report is None or key not in report:
            rows.append([what, "not measured yet", f"`{measured_by(name.removeprefix('speed_'))}`"])
            return
        value, goal = scale * report[key], report["goals"].get(key)
        judged = "" if goal is None else results.judge(f"{device}: {what}", value, scale * goal, most=most, unit=unit)
        rows.append([what, format(value, shown) + unit, judged])

    add("speed_bundled", f"{REQUEST}, p50", "p50_ms", ",.1f", unit=" ms")
    add("speed_bundled", f"{REQUEST}, p95", "p95_ms", ",.1f", unit=" ms")
    add("speed_bundled", f"{REQUEST}, tokens a second", "tokens_per_second", ",.0f")
    add("speed_bundled", "of this outside the model", "outside_model", ".1f", unit=" %", scale=100)
    what = f"{REQUEST} in int8, times faster than float32"
    add("speed_bundled-int8", what, "int8_times_float32", ".2f", most=False, unit="×")
    what = "of its decisions about tokens, other than float32's"
    add("speed_bundled-int8", what, "flips_int8", ".1f", unit=" %", scale=100)
    add("speed_cold", "from the start of a process to the first result", "first_result_seconds", ".2f", unit=" s")
    add("speed_cold", "`import boildown`", "import_seconds", ".2f", unit=" s")
    for name, size in ENCODERS.items():
        what = f"{size}: the forward's share of the rate of its matrix products alone"
        add(name, what, "share", ".0f", most=False, unit=" %", scale=100)
    what = "time for each document, 10 to 10,000 documents: largest deviation from the middle"
    add("speed_linear", what, "worst_deviation", ".0f", unit=" %", scale=100)
    return table(["", "measured", "goal"], rows)


def limits(results: Results) -> list[str]:
    """What is left to gain on the processor that was measured: no forward is faster than its matrix products."""
    body = []
    for name in COMPARED:
        report = results.read(f"speed_{name}")
        theirs = report["systems"].get(ROWS[name].base, {}).get("seconds") if report else None
        for system, entry in report["systems"].items() if report and theirs else ():
            goal = report["goals"].get(system)
            if goal is not None and "products_seconds" in entry:
                most = median(a / b for a, b in zip(theirs, entry["products_seconds"], strict=True))
                what = f"{report['what']}, {report['model']}: {NAMES[system]}"
                body.append([what, f"{entry['ratio']['median']:.1f}×", f"{most:.1f}×", f"at least {goal}×"])
    for name, what, key, least, unit, scale in (
        ("speed_bundled", f"{REQUEST}, p50", "p50_ms", "products_p50_ms", "ms", 0),
        (
            "speed_cold",
            "a process's first result; at best `import torch`",
            "first_result_seconds",
            "torch_seconds",
            "s",
            2,
        ),
    ):
        report = results.read(name)
        if report is not None and least in report:
            measured, best = (f"{report[k]:.{scale}f} {unit}" for k in (key, least))
            body.append([what, measured, best, f"at most {report['goals'][key]:g} {unit}"])
    if not body:
        return []
    return [
        "A forward takes at least as long as its matrix products alone, by oneDNN on all cores, and a process as long "
        "as its largest import. They were measured in turn with the rest, so on this processor no more is to be had "
        "than:",
        "",
        *table(["", "measured", "at best", "goal"], body),
    ]


def selection(results: Results) -> list[str]:
    """Cutting and assembling alone."""
    report = results.read("selection")
    if report is None:
        return missing("python examples/benchmarks/selection.py")
    goal, body = report["goal_ms_at_20_documents"], []
    for row in report["rows"]:
        judged = ""
        if row["documents"] == 20:
            judged = results.judge(f"Selection by {row['unit']}s", row["cut_ms"], goal, most=True, unit=" ms")
        each = f"{row['cut_us_per_document']:.0f} µs"
        body.append([f"{row['documents']:,} documents, by {row['unit']}s", f"{row['cut_ms']:,.1f} ms", each, judged])
    return table(["cut and assembled on one core, once scored", "time", "for each document", "goal"], body)


def memory(results: Results, device: str) -> list[str]:
    """The most memory that a call needs beyond what loading left in use."""
    body = []
    for name in COMPARED:
        report, base = results.read(f"speed_{name}"), ROWS[name].base
        systems = report["systems"] if report else {}
        theirs = systems.get(base, {}).get("peak_mib")
        for system in (s for s in systems if s != base and "peak_mib" in systems[s]):
            assert report is not None
            ours = systems[system]["peak_mib"]
            what = f"{report['what']}, {report['model']}: {NAMES.get(system, system)}"
            judged, ratio = "", "–"
            if theirs:
                ratio = f"{ours / theirs:.2f}"
                goal = report["goals"].get("memory")
                if goal is not None and system == "auto":
                    judged = results.judge(f"{device}: memory, {what}", ours / theirs, goal, most=True)
                elif ours > theirs:
                    results.missed.append(f"{device}: {what} needs {ours / theirs:.1f} times the memory of {base}.")
            body.append([what, "–" if theirs is None else f"{theirs:,.0f}", f"{ours:,.0f}", ratio, judged])
    if not body:
        return missing(measured_by(" ".join(COMPARED)))
    return table(["peak of one call, MiB", "the other package", "boildown", "ratio", "goal"], body)

"""The report's sections about many requests, whole corpora, and when compression pays."""

from __future__ import annotations

from statistics import median
from typing import Any

from report_speed import measured_by
from report_tables import Results, missing, table

from boildown.breakeven import Case

__all__ = ["concurrency", "corpus", "langchain", "pays", "service", "stored"]

SIZES = {"almost-none": "hardly any model: reading, tokenising and writing", "bundled": "of the bundled model's size"}

TOKENS, RATE, CHUNK = 3000, 0.25, 150
MACHINE_PRICE = 0.10
LLM_PRICES = (0.15, 2.50, 15.00)
LLM_SPEEDS = (1_000, 5_000, 10_000, 50_000)


def concurrency(results: Results) -> list[str]:
    """Concurrent requests in one process, and the event loop beside them."""
    report = results.read("concurrency")
    if report is None:
        return missing(measured_by("concurrency"))
    body = []
    for row in report["rows"]:
        for name, way in row["ways"].items():
            what = f"{report['requests']} requests of {row['documents']} documents, {name}"
            times, judged = way["times_one_core"]["median"], ""
            if name in ("threads", "asyncio") and row["documents"] > 1 and report["cores"] == 2:
                judged = results.judge(what, times, report["goal_times"], unit="×")
            if way["answers_that_differ"]:
                results.missed.append(f"{what}: {way['answers_that_differ']} answers differ from those given alone.")
            seconds = f"{way['seconds']['median']:.2f}"
            body.append([what, seconds, f"{times:.2f}×", str(way["answers_that_differ"]), judged])
    loop = report["event_loop"]
    judged = results.judge(
        "The event loop's delay", loop["most_late_ms"]["median"], loop["goal_late_ms"], most=True, unit=" ms"
    )
    return [
        *table(["", "seconds", "throughput, one core = 1", "answers that differ", "goal"], body),
        f"An event loop beside {loop['requests']} awaited requests runs at most "
        f"{loop['most_late_ms']['median']:.0f} ms late (idle: {loop['idle_most_late_ms']['median']:.0f} ms); "
        f"the goal is {judged}.",
        "",
    ]


def langchain(results: Results) -> list[str]:
    """The event loop beside LangChain's retrievers."""
    report = results.read("event_loop")
    if report is None:
        return missing("python examples/benchmarks/event_loop.py")
    late, idle = median(report["most_late_ms"]), median(report["idle_most_late_ms"])
    what = f"An event loop beside {report['requests']} LangChain retrievers"
    judged = results.judge(what, late, report["goal_late_ms"], most=True, unit=" ms")
    return [f"{what} runs at most {late:.0f} ms late (idle: {idle:.0f} ms); the goal is {judged}.", ""]


def stored(results: Results) -> list[str]:
    """Calls whose documents have all been scored before."""
    report = results.read("cached")
    if report is None:
        return missing(measured_by("cached"))
    body = []
    for row in report["rows"]:
        what = f"{report['documents']} documents, scores from the {row['place']}, cut by {row['unit']}s"
        judged = results.judge(what, row["p50_ms"], report["goal_ms"], most=True, unit=" ms")
        body.append([what, f"{row['p50_ms']:.1f} ms", f"{row['p95_ms']:.1f} ms", judged])
    return table(["the whole call, no model runs", "p50", "p95", "goal"], body)


def service(results: Results) -> list[str]:
    """The HTTP service under load, at its end, and under nonsense."""
    report, lines = results.read("service_load") or {}, []
    for part, passages in (("load", "ten passages"), ("short", "one passage")):
        if part not in report:
            continue
        load = report[part]
        what = f"The service's throughput under load, requests of {passages}"
        ratio = results.judge(what, load["ratio"], load["goal_ratio"], unit="×")
        wrong = {s: n for s, n in load["statuses"].items() if s not in ("200", "429")}
        if load["lost"] or load["unequal_answers"] or wrong:
            results.missed.append(
                f"The service under load: {load['lost']} lost, {load['unequal_answers']} unequal answers, {wrong}."
            )
        busy = ""
        if load.get("cores_busy"):
            busy = (
                f" One request at a time keeps {load['cores_busy_one_at_a_time']:.2f} of them busy by itself, all "
                f"together {load['cores_busy']:.2f}."
            )
        lines += [
            f"{load['requests']:,} requests of {passages} over {load['connections']} connections: "
            f"{load['requests_per_second']:.1f} a second, {load['ratio']:.2f}× those of one (goal: {ratio}); "
            f"{load['lost']} lost, {load['unequal_answers']} answers unequal to those given one at a time; by status: "
            f"{statuses(load)}. {report['machine']['cores']} cores, no score cache.{busy}",
            "",
        ]
    if "term" in report:
        term = report["term"]
        if term["lost"]:
            results.missed.append(f"kill -TERM under load: {term['lost']} accepted requests got no answer.")
        lines += [
            f"`kill -TERM` while {term['connections']} connections are busy: {term['answered_after']} more were "
            f"answered, {term['lost']} accepted ones lost, exit code {term['exit_code']} after "
            f"{term['seconds_to_end']:.1f} s.",
            "",
        ]
    nonsense = results.read("service_malformed")
    nonsense = (nonsense or {}).get("malformed", nonsense) or report.get("malformed")
    if nonsense:
        judged = results.judge(
            "Memory growth under malformed requests", 100 * (nonsense["growth"] or 0), 100 * nonsense["goal_growth"],
            most=True, unit=" %",
        )  # fmt: skip
        if nonsense["faults"]:
            results.missed.append(f"{nonsense['faults']} malformed requests were answered with 5xx.")
        lines += [
            f"{nonsense['requests']:,} malformed requests: {nonsense['faults']} answers of 500 or more; memory grew by "
            f"{100 * (nonsense['growth'] or 0):.1f} % after the first tenth (goal: {judged}).",
            "",
        ]
        if by_schema := nonsense.get("schemathesis"):
            judged = results.judge(
                "Memory growth under schemathesis", 100 * (by_schema["growth"] or 0), 100 * nonsense["goal_growth"],
                most=True, unit=" %",
            )  # fmt: skip
            if by_schema["faults"]:
                results.missed.append(f"{by_schema['faults']} requests of schemathesis were answered with 5xx.")
            lines += [
                f"{by_schema['requests']:,} more by schemathesis, from the service's schema: {by_schema['faults']} "
                f"answers of 500 or more; memory grew by {100 * (by_schema['growth'] or 0):.1f} % (goal: {judged}).",
                "",
            ]
    absent = [name for name, there in (("service_load", lines), ("service_malformed", nonsense)) if not there]
    for name in absent:
        lines += missing(f"python examples/benchmarks/{name}.py")
    return lines


def statuses(report: dict[str, Any]) -> str:
    return ", ".join(f"{status}: {count:,}" for status, count in report["statuses"].items())


def corpus(results: Results) -> list[str]:
    """Scoring at ingest."""
    lines: list[str] = []
    for name, command in (("corpus_scoring", ""), ("corpus_scoring_cuda", " --device cuda")):
        report = results.read(name)
        if report is None:
            lines += missing(f"python examples/benchmarks/corpus_scoring.py{command}")
            continue
        body = []
        for row in report["rows"]:
            a_million = 1e6 / row["chunks_per_second"] / 3600
            cells = [f"{row['chunks_per_second']:,.1f}", f"{row['tokens_per_second']:,}"]
            cells += [f"{row['score_bytes_per_chunk']:,}", f"{a_million:,.1f}"]
            body.append([f"{SIZES.get(row['size'], row['size'])}, {row['dtype']}", *cells])
        unit = "core" if name == "corpus_scoring" else "GPU"
        head = [f"LLMLingua-2's classifier on {report['device']}", "chunks a second", "tokens a second"]
        lines += table([*head, "bytes of scores a chunk", f"{unit}-hours for a million chunks"], body)
    return [*lines, "Sizing a cluster: [Running boildown](../deploy/README.md).", ""]


def pays(results: Results) -> list[str]:
    """Seconds and money of compression on this machine, beside those of an LLM's input."""
    report = results.read("speed_bundled")
    if report is None or "tokens_per_second" not in report:
        return missing(measured_by("bundled"))
    speed = report["tokens_per_second"]
    body = []
    for llm in LLM_SPEEDS:
        case = Case(tokens=TOKENS, rate=RATE, compressor_speed=speed, llm_speed=llm)
        seconds = case.seconds(TOKENS)
        assert seconds is not None
        verdict = "pays" if seconds["saved"] > 0 else "**does not pay**"
        cells = [f"{TOKENS / llm:.2f} s", f"{seconds['compression']:.2f} s", f"{seconds['with']:.2f} s", verdict]
        body.append([f"{llm:,} tokens a second", *cells])
        if seconds["saved"] <= 0:
            results.missed.append(
                f"Time: beside an LLM that reads {llm:,} tokens a second, compressing takes longer than it saves."
            )
    edge = (Case(tokens=TOKENS, rate=RATE, compressor_speed=speed, llm_speed=1.0).break_even()["time"] or {})[
        "llm_speed"
    ]
    money = []
    for price in LLM_PRICES:
        case = Case(
            tokens=TOKENS,
            rate=RATE,
            compressor_speed=speed,
            llm_price=price,
            machine_price=MACHINE_PRICE,
            chunk_tokens=CHUNK,
        )
        sums = case.million_chunks()
        money.append(
            [f"{price:.2f}", *(f"{sums[k]:,.2f}" for k in ("llm_money_saved", "machine_money", "money_saved"))]
        )
    hours = f"{sums['compressor_hours']:,.1f}"
    machine = report["machine"]
    return [
        f"Measured: the bundled model reads {speed:,.0f} tokens a second on {machine['processor']} ({machine['cores']} "
        f"cores, {machine['device']}, {machine['dtype']}). Taken: {TOKENS:,} tokens are retrieved for a request and "
        f"{RATE:.0%} are kept.",
        "",
        *table(["the LLM reads", "input alone", "compression", "compression and the rest", ""], body),
        f"It saves time where the LLM reads fewer than {edge:,.0f} tokens a second. Above that it costs time, and "
        "pays, if at all, by its price or by answers that are better without distraction.",
        "",
        f"For a million chunks of {CHUNK} tokens, which take {hours} hours of a machine at {MACHINE_PRICE:.2f} an "
        "hour, in the same currency as the LLM's price:",
        "",
        *table(["price of a million input tokens", "saved at the LLM", "the machine", "saved in all"], money),
        "With your own numbers, measured on your machine:",
        "",
        "```console",
        f"$ boildown breakeven --tokens {TOKENS} --rate {RATE} --llm-tokens-per-second 5000 --llm-price 2.50 "
        f"--machine-price {MACHINE_PRICE:.2f}",
        "```",
        "",
    ]

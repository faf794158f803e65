"""`boildown breakeven`."""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from boildown.breakeven import Case
    from boildown.compressor import Compressor

__all__ = ["add_arguments", "made_up_documents", "run", "table"]

_EXAMPLES = """\
examples:
  boildown breakeven --tokens 4000 --rate 0.25 --llm-tokens-per-second 8000 --llm-price 2.50 --machine-price 0.10
  boildown breakeven --tokens 30000 --rate 0.1 --llm-seconds-per-1k 0.4 --other-seconds 3 --json
  boildown breakeven --tokens 4000 --rate 0.25 --compressor-tokens-per-second 15000 --llm-price 0.15

Without --compressor-tokens-per-second the speed is measured here, in a few seconds. Take the LLM's speed from its
time to the first token at two lengths. For an LLM on a machine of your own, the price of a million input tokens is
its price per hour / (0.0036 * input tokens per second). Prices are in any one currency.
"""
_MOST_MEASURED = 8000
"""Tokens of the longest request that is measured; longer ones take proportionally longer."""
_RUNS = 3
_PATIENCE = 10.0
"""Seconds after which no further run begins."""
_LENGTHS = (250, 500, 1000, 2000, 4000, 8000, 16000, 32000, 64000, 128000)

_CAVEATS = """\
Taken as given: time grows in step with length, compression runs before the LLM and never beside it, only busy time of
the compressor's machine is paid for, and the answers are as good as before. `boildown eval` measures the last."""

_QUESTION = "Who keeps the log of the harbour, and how often is the tide gauge read?"
_SENTENCES = (
    "The harbour office at pier {n} opens at six in the morning and closes when the last ferry has left.",
    "Boats longer than {n} feet need a permit, which the office sends by post within a week.",
    "In the winter of 19{n} the old breakwater was damaged by a storm and rebuilt in stone.",
    "The tide gauge is read {n} times a month, and the readings are copied into the log.",
    "Fuel is sold on weekdays only, because the tank holds no more than {n} cubic metres.",
    "Visitors pay for a berth by the night, and children under ten sleep on board for free.",
    "Most of the fish that is landed here goes to the market in town before noon.",
    "A small museum in the lighthouse keeps letters, maps and the uniforms of former pilots.",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of `boildown breakeven`."""
    parser.description = "Works out when compression pays: seconds and money of a request, with it and without it."
    parser.epilog = _EXAMPLES
    add = parser.add_argument
    add("--tokens", type=int, required=True, metavar="N", help="tokens that are retrieved for one request")
    add("--rate", type=float, required=True, metavar="R", help="share of them that compression keeps")
    speed = parser.add_mutually_exclusive_group()
    speed.add_argument("--llm-tokens-per-second", type=float, metavar="X", help="input tokens the LLM reads a second")
    speed.add_argument("--llm-seconds-per-1k", type=float, metavar="S", help="the same, as seconds per 1,000 tokens")
    add("--other-seconds", type=float, default=0.0, metavar="S", help="rest of a request: retrieval, the LLM's writing")
    add("--llm-price", type=float, metavar="P", help="of a million input tokens")
    add("--machine-price", type=float, default=0.0, metavar="P", help="of an hour of the compressor's machine")
    add(
        "--compressor-tokens-per-second", type=float, metavar="X", help="tokens compressed a second (default: measured)"
    )
    add(
        "--overhead-ms",
        type=float,
        metavar="MS",
        help="of each compression besides, such as a network hop (default: 0)",
    )
    add("--chunk-tokens", type=int, default=150, metavar="N", help="tokens of a chunk (default: 150)")
    add("--method", metavar="NAME", help="the method to measure")
    add("--model", help="path or hub id of its model")
    add("--device", default="auto", help="auto, cpu, cuda, mps (default: auto)")
    add("--counter", help="who counts the measured tokens: a tiktoken encoding, an LLM's name, a tokenizer's path")
    add("--json", action="store_true", help="print JSON instead of tables")


def run(args: argparse.Namespace) -> int:
    """Measures what was not given, and prints what compression costs and saves.

    Raises:
        BoildownError: a number is out of range, or the method cannot be measured.
    """
    from boildown.breakeven import Case
    from boildown.errors import ConfigurationError

    llm_speed = args.llm_tokens_per_second
    if args.llm_seconds_per_1k is not None:
        if not args.llm_seconds_per_1k > 0:
            raise ConfigurationError(f"--llm-seconds-per-1k must be above 0, not {args.llm_seconds_per_1k!r}.")
        llm_speed = 1000 / args.llm_seconds_per_1k

    def case(compressor_speed: float) -> Case:
        return Case(
            tokens=args.tokens,
            rate=args.rate,
            compressor_speed=compressor_speed,
            overhead_seconds=(args.overhead_ms or 0.0) / 1000,
            llm_speed=llm_speed,
            other_seconds=args.other_seconds,
            llm_price=args.llm_price,
            machine_price=args.machine_price,
            chunk_tokens=args.chunk_tokens,
        )

    given = args.compressor_tokens_per_second
    found = case(1.0 if given is None else given)  # a wrong number shows before anything is measured
    measured = None
    if given is None:
        measured = _measured(args)
        found = case(measured["tokens_per_second"])
    if args.json:
        lengths = [_at(found, tokens) for tokens in _lengths(found)]
        print(json.dumps({"measured": measured, **found.to_dict(), "lengths": lengths}, indent=1))
    else:
        print(_report(found, measured))
    return 0


def _measured(args: argparse.Namespace) -> dict[str, Any]:
    from boildown.compressor import Compressor
    from boildown.methods.registry import DEFAULT_METHOD

    method = args.method or DEFAULT_METHOD
    compressor = Compressor(method, model=args.model, device=args.device)
    tokens, seconds = measure(compressor, min(args.tokens, _MOST_MEASURED), args.rate, args.counter, args.chunk_tokens)
    return {
        "method": method,
        "device": args.device,
        "tokens": tokens,
        "seconds": seconds,
        "tokens_per_second": tokens / seconds,
    }


def measure(compressor: Compressor, tokens: int, rate: float, counter: str | None, chunk: int) -> tuple[int, float]:
    """Times whole calls on made-up English text, one at a time, after one that loads the model.

    Args:
        compressor: what is measured.
        tokens: tokens of a call, about.
        rate: share to keep.
        counter: who counts.
        chunk: tokens of a document, about.

    Returns:
        The tokens of a call, and the median of its seconds.
    """
    from boildown.budget import Budget
    from boildown.counters import resolve_counter

    budget = Budget(rate=rate, counter=counter)
    count = resolve_counter(counter).count
    # No two runs have a document in common, so that no score cache answers.
    texts = [made_up_documents(tokens, chunk, count, run) for run in range(_RUNS + 1)]
    compressor.compress(_QUESTION, texts.pop()[:1], budget)
    taken: list[tuple[int, float]] = []
    begin = perf_counter()
    while texts and (not taken or perf_counter() - begin < _PATIENCE):
        documents = texts.pop()
        start = perf_counter()
        result = compressor.compress(_QUESTION, documents, budget)
        taken.append((result.tokens_in, perf_counter() - start))
    return sorted(taken, key=lambda run: run[1] / run[0])[len(taken) // 2]


def made_up_documents(tokens: int, chunk: int, count: Callable[[str], int], run: int) -> list[str]:
    """English documents of about `chunk` tokens, `tokens` in all; no two are alike, in this run or another."""
    numbers = itertools.count(10_000 * (run + 1))
    sentence = count(" ".join(_SENTENCES)) / len(_SENTENCES)
    total, each = max(1, round(tokens / sentence)), max(1, round(chunk / sentence))
    lines = [_SENTENCES[i % len(_SENTENCES)].format(n=next(numbers)) for i in range(total)]
    return [" ".join(lines[i : i + each]) for i in range(0, total, each)]


def _lengths(case: Case) -> list[int]:
    return sorted({*_LENGTHS, case.tokens})


def _at(case: Case, tokens: int) -> dict[str, float | None]:
    time, money = case.seconds(tokens), case.money(tokens)
    return {
        "tokens": tokens,
        "seconds_saved": None if time is None else time["saved"],
        "saved_share": None if time is None else time["saved_share"],
        "money_saved": None if money is None else money["saved"],
    }


def _report(case: Case, measured: Mapping[str, Any] | None) -> str:
    source = "given" if measured is None else f"measured here on {measured['tokens']:,} tokens: {measured['method']}"
    parts = [
        f"{case.tokens:,} tokens a request, of which {case.rate:.4g} are kept\n"
        f"compressor: {case.compressor_speed:,.0f} tokens/s ({source})"
    ]
    time, money = case.seconds(case.tokens), case.money(case.tokens)
    rows = [("a request", "without", "with", "saved")]
    if time is not None:
        rows += [
            ("compression, s", "-", _seconds(time["compression"]), _seconds(-time["compression"])),
            ("LLM reads, s", *_three(case.tokens / (case.llm_speed or 1), time["llm_input"], _seconds)),
            ("the rest, s", *_three(case.other_seconds, case.other_seconds, _seconds)),
            ("time, s", *_three(time["without"], time["with"], _seconds)),
        ]
    if money is not None:
        rows += [
            ("1,000 requests: machine, money", "-", _money(money["machine"]), _money(-money["machine"])),
            ("1,000 requests: LLM input, money", *_three(money["without"], money["llm_input"], _money)),
            ("1,000 requests: money", *_three(money["without"], money["with"], _money)),
        ]
    parts += [table(rows), _verdict(time, money), _break_even(case)]
    rows = [("tokens a request", "seconds saved", "of the time", "money saved on 1,000")]
    for line in [_at(case, tokens) for tokens in _lengths(case)]:
        share, seconds, saved = line["saved_share"], line["seconds_saved"], line["money_saved"]
        rows.append(
            (
                f"{line['tokens']:,.0f}",
                "-" if seconds is None else _seconds(seconds),
                "-" if share is None else f"{share:+.1%}",
                "-" if saved is None else _money(saved),
            )
        )
    parts += [table(rows), _million(case), _CAVEATS]
    return "\n\n".join(parts)


def _verdict(time: Mapping[str, float] | None, money: Mapping[str, float] | None) -> str:
    said = []
    if time is not None:
        share = f"{abs(time['saved_share']):.1%} of the request"
        said.append(
            f"Compression saves {_seconds(time['saved'])} s, {share}."
            if time["saved"] > 0
            else f"Compression makes the request {_seconds(-time['saved'])} s slower, {share}."
        )
    if money is not None:
        said.append(
            f"It saves {_money(money['saved'])} on 1,000 requests."
            if money["saved"] > 0
            else f"It costs {_money(-money['saved'])} more than it saves on 1,000 requests."
        )
    return " ".join(said)


def _break_even(case: Case) -> str:
    points = case.break_even()
    time, money, machine = points["time"] or {}, points["money"] or {}, points["machine"]
    rows: list[tuple[str, ...]] = [("compression pays", "in time", "in money")]
    for label, key, form in (
        ("from tokens a request", "tokens", ",.0f"),
        ("keeping at most", "rate", ".3f"),
        ("compressor, tokens/s, at least", "compressor_speed", ",.0f"),
        ("LLM, tokens/s, at most", "llm_speed", ",.0f"),
        ("LLM price per million, at least", "llm_price", ".4g"),
    ):
        rows.append((label, *(_point(side, key, form) for side in (time, money))))
    text = table(rows)
    if machine is not None:
        needed, most = machine["requests_per_hour"], machine["capacity_per_hour"] or 0.0
        text += "\n\nA machine that does nothing else "
        if needed is None or needed > most:
            text += f"never pays for itself: it can take {most:,.0f} requests an hour."
        else:
            text += f"pays for itself from {needed:,.0f} requests an hour, and can take {most:,.0f}."
    return text


def _million(case: Case) -> str:
    sums = case.million_chunks()
    seconds = sums["seconds_saved"]
    rows = [(f"a million chunks of {case.chunk_tokens:,} tokens", "")]
    for label, value, form in (
        ("requests", sums["requests"], ",.0f"),
        ("tokens the LLM does not read", sums["tokens_saved"], ",.0f"),
        ("compressor, hours of one machine", sums["compressor_hours"], ",.2f"),
        ("waiting saved, hours", None if seconds is None else seconds / 3600, "+,.2f"),
        ("LLM input saved, money", sums["llm_money_saved"], ",.2f"),
        ("compressor's machine, money", sums["machine_money"], ",.2f"),
        ("saved, money", sums["money_saved"], "+,.2f"),
    ):
        rows.append((label, "-" if value is None else format(value, form)))
    return table(rows)


def _point(points: Mapping[str, float | None], key: str, form: str) -> str:
    if key not in points:
        return "-"
    value = points[key]
    if value is None:
        return "never"
    return "always" if value == 0 and key != "rate" else format(value, form)


def _three(without: float, with_: float, form: Callable[[float], str]) -> tuple[str, str, str]:
    return form(without), form(with_), form(without - with_)


def _seconds(value: float) -> str:
    return f"{value:,.3f}"


def _money(value: float) -> str:
    """Of a thousand requests, since that of one is mostly below a hundredth."""
    return f"{1000 * value:,.4f}"


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows as lines, the first column to the left and all others to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))]).rstrip()
        for row in rows
    )

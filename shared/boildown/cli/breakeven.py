"""`boildown breakeven`."""

from __future__ import annotations

import argparse
import json
from time import perf_counter
from typing import TYPE_CHECKING, Any

from boildown.benchmark.made_up import QUESTION, made_up_documents

if TYPE_CHECKING:
    from boildown.breakeven import Case
    from boildown.compressor import Compressor

__all__ = ["add_arguments", "measure", "run"]

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
        default=0.0,
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
    from boildown.cli.breakeven_report import at_lengths, report
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
            overhead_seconds=args.overhead_ms / 1000,
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
        print(json.dumps({"measured": measured, **found.to_dict(), "lengths": at_lengths(found)}, indent=1))
    else:
        print(report(found, measured))
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
    compressor.compress(QUESTION, texts.pop()[:1], budget)
    taken: list[tuple[int, float]] = []
    begin = perf_counter()
    while texts and (not taken or perf_counter() - begin < _PATIENCE):
        documents = texts.pop()
        start = perf_counter()
        result = compressor.compress(QUESTION, documents, budget)
        taken.append((result.tokens_in, perf_counter() - start))
    return sorted(taken, key=lambda run: run[1] / run[0])[len(taken) // 2]

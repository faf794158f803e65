"""`boildown serve`: the command line of the service."""

from __future__ import annotations

import argparse
import os
from dataclasses import fields

from boildown.errors import ConfigurationError, MissingExtraError
from boildown.service.settings import TOKENS_VARIABLE, Limits, Settings, read_named, read_tokens

_EXAMPLES = f"""\
examples:
  boildown serve
  boildown serve --port 6002 --counter cl100k_base
  {TOKENS_VARIABLE}=... boildown serve --host 0.0.0.0 --model fast=bm25 --model xlmr=llmlingua2:/models/xlmr

  curl localhost:8000/v1/compress -H 'Content-Type: application/json' \\
       -d '{{"query": "Who wrote Emma?", "documents": ["..."], "budget": {{"tokens": 300}}}}'

A page to try it on is at http://localhost:8000/. Bearer tokens come from the environment variable {TOKENS_VARIABLE},
separated by commas or spaces, or from --token-file. SIGTERM ends it after all that was accepted has been answered.
"""
_LIMITS = {
    "body_bytes": "bytes of a body",
    "body_seconds": "seconds until a body has to be there",
    "all_body_bytes": "bytes of all bodies that are read or worked on; more are refused with 429",
    "documents": "documents of a query",
    "tokens": "tokens of a query's documents",
    "queries": "queries of a batch, which has no more than the queue",
    "queue": "queries that wait or run; more are refused with 429",
    "timeout": "seconds of the longest deadline",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `boildown serve` to a parser."""
    parser.description = "Serves the engine over HTTP, on the bundled model unless told otherwise."
    parser.epilog = _EXAMPLES
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen at (default: 127.0.0.1, this machine only)")
    add("--port", type=int, default=8000, help="port to listen at; 0 takes a free one (default: 8000)")
    add(
        "--model",
        action="append",
        default=[],
        metavar="NAME=[METHOD:]PATH",
        help="a model that requests may name; the first one is the default",
    )
    add(
        "--counter",
        action="append",
        default=[],
        metavar="[NAME=]COUNTER",
        help="a token counter that requests may name; the first one is the default",
    )
    add("--device", default="auto", help="auto, cpu, cuda, mps (default: auto)")
    add("--dtype", default="auto", help="auto, float32, bfloat16, float16, int8 (default: auto)")
    add("--cache", metavar="FILE", help="keep scores in this file too; without it they are in memory")
    add("--no-cache", action="store_true", help="keep no scores")
    add("--token-file", metavar="FILE", help="bearer tokens, one a line; # begins a comment")
    add("--cors", action="append", default=[], metavar="ORIGIN", help="let pages of this origin call; none by default")
    add(
        "--drain",
        type=float,
        default=2.0,
        metavar="SECONDS",
        help="between SIGTERM and no new connections (default: 2)",
    )
    add(
        "--threads",
        type=int,
        default=Settings().threads,
        metavar="N",
        help="requests prepared side by side (default: %(default)s)",
    )
    limits = parser.add_argument_group("limits")
    for limit in fields(Limits):
        limits.add_argument(
            f"--max-{limit.name.replace('_', '-')}",
            type=type(limit.default),
            default=limit.default,
            metavar="N",
            help=f"{_LIMITS[limit.name]} (default: {limit.default})",
        )


def run(args: argparse.Namespace) -> int:
    """Serves until a signal.

    Returns:
        The exit code.

    Raises:
        ConfigurationError: an argument is wrong, or the address is taken.
        MissingExtraError: the service's packages are not installed.
        BoildownError: a model cannot be loaded.
    """
    try:
        from boildown.service.app import create_app
        from boildown.service.server import build_server
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("boildown"):
            raise
        raise MissingExtraError(error.name, "service", "The service") from None
    if args.cache and args.no_cache:
        raise ConfigurationError("--cache and --no-cache exclude each other.")
    limits = Limits(**{limit.name: getattr(args, f"max_{limit.name}") for limit in fields(Limits)})
    settings = Settings(
        models=read_named(args.model, "--model"),
        counters=read_named(args.counter, "--counter"),
        tokens=read_tokens(args.token_file, os.environ),
        cors=tuple(args.cors),
        device=args.device,
        dtype=args.dtype,
        cache=args.cache or not args.no_cache,
        threads=args.threads,
        limits=limits,
    )
    app = create_app(settings)
    server = build_server(app, args.host, args.port, args.drain, limits)
    try:
        server.run()
    except SystemExit:  # uvicorn's word for a socket that it could not open; its log says why
        raise ConfigurationError(
            f"The service could not listen at {args.host}:{args.port}; the log above says why. Where another program "
            "has the port, take another: --port."
        ) from None
    failure = app.state.service.failure
    if failure is not None:
        raise failure
    return 0

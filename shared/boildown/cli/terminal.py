"""The standard streams: output that cannot be written, colours, and how far a long job is."""

from __future__ import annotations

import io
import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from boildown.runtime.scheduler import Stats

__all__ = ["drop_output", "model_progress", "open_output", "print_json", "progress", "status", "wants_colour"]

_PATIENCE = 0.5
"""Seconds after which a bar shows; what takes no longer needs none."""
_GLANCE = 0.1


def open_output() -> None:
    """Makes standard output and error take any text: what their encoding lacks is written as an escape.

    Line ends are written as they are; Windows would make three characters of a document's two. Where the streams are
    closed, as a daemon's may be, what is written is lost, and nothing fails.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace", newline="\n")


def drop_output() -> None:
    """Lets go of what standard output cannot write; Python would complain once more when it flushes at exit."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def print_json(value: Any) -> None:
    """Prints a value, with letters as they are where standard output has them all, else with JSON's own escapes."""
    text = json.dumps(value, ensure_ascii=False, indent=1)
    try:
        text.encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        text = json.dumps(value, indent=1)
    print(text)


def wants_colour(stream: TextIO) -> bool:
    """Whether to colour what goes to the stream: a terminal that knows colours, and nobody set NO_COLOR."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


@contextmanager
def progress(total: int, unit: str) -> Iterator[Callable[[int], None]]:
    """A progress bar on standard error if that is a terminal; what it yields takes the number of units just done."""
    if not sys.stderr.isatty():
        yield lambda done: None
        return
    from tqdm import tqdm

    with tqdm(total=total, unit=unit, file=sys.stderr, dynamic_ncols=True, leave=False, delay=_PATIENCE) as bar:

        def step(done: int) -> None:
            bar.update(done)

        yield step


@contextmanager
def model_progress(what: str) -> Iterator[None]:
    """Shows how many tokens models have read of those that wait for them, on standard error if that is a terminal."""
    if not sys.stderr.isatty():
        yield
        return
    from tqdm import tqdm

    over = threading.Event()

    def watch() -> None:
        before = sum(stats.tokens for stats in _stats())
        with tqdm(desc=what, unit="token", unit_scale=True, file=sys.stderr, dynamic_ncols=True, leave=False) as bar:
            ended = False
            while not ended:
                ended = over.wait(_GLANCE)
                stats = _stats()
                bar.n = sum(one.tokens for one in stats) - before
                bar.total = bar.n + sum(one.tokens_waiting for one in stats) or None
                bar.refresh()

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def _stats() -> list[Stats]:
    from boildown.runtime import scheduler

    return [one.stats for one in scheduler.running().values()]


@contextmanager
def status(message: str) -> Iterator[None]:
    """Shows a message on standard error while something runs, if that is a terminal."""
    if not sys.stderr.isatty():
        yield
        return
    sys.stderr.write(message)
    sys.stderr.flush()
    try:
        yield
    finally:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()

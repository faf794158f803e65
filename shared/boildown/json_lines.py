"""Files of JSON lines, read in one way by all commands."""

from __future__ import annotations

import gzip
import json
import math
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

from boildown.errors import InputError

__all__ = ["UNREADABLE", "finite", "open_lines", "parse_line", "read_lines", "reason"]

UNREADABLE = (OSError, EOFError, zlib.error)
"""What reading a file raises that is not there, is damaged, or ends too early."""


def open_lines(path: str | Path) -> IO[bytes]:
    """A file's bytes, decompressed if its name ends with .gz.

    Raises:
        OSError: it cannot be opened. Reading may raise any of `UNREADABLE`.
    """
    return cast("IO[bytes]", gzip.open(path, "rb")) if str(path).endswith(".gz") else open(path, "rb")


def read_lines(path: str | Path) -> Iterator[tuple[int, bytes]]:
    """Number (from 1) and content of each line that is not blank.

    Raises:
        InputError: the file cannot be read.
    """
    try:
        with open_lines(path) as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield number, line
    except UNREADABLE as error:
        raise InputError(f"{path} cannot be read: {reason(error)}.") from error


def parse_line(line: bytes) -> Any:
    """The value of a line. A byte order mark, as some editors begin a file with, is no part of it.

    Raises:
        InputError: it is not JSON in UTF-8, nested too deep, or has a number of thousands of digits or beyond a float.
    """
    try:
        return json.loads(line.removeprefix(b"\xef\xbb\xbf").decode("utf-8"), parse_float=finite)
    except UnicodeDecodeError as error:
        raise InputError(f"not UTF-8: {error}") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"not JSON: {error}") from None


def finite(digits: str) -> float:
    """A number of JSON. One beyond a float would become infinity, which is no JSON when it is written again.

    Raises:
        ValueError: it is beyond a float.
    """
    value = float(digits)
    if math.isinf(value):
        raise ValueError(f"the number {digits[:40]} is too large")
    return value


def reason(error: BaseException) -> str:
    """What an error of `UNREADABLE` says, without the path that goes before it."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__

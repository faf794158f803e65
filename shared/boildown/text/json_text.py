"""The strings inside JSON, so that they can be compressed while everything around them stays valid."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from boildown.errors import InputError

__all__ = ["json_strings", "map_strings", "read_json"]

Path = tuple[str | int, ...]

_DEEPEST = 200
"""Levels of nesting; Python's own reader and writer of JSON give up at about a thousand."""


def read_json(text: str) -> Any:
    """Parses JSON.

    Raises:
        InputError: it is malformed, and the message says at which line and character; or Python cannot read it, since
            it is nested too deeply, or holds a number of thousands of digits.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"This is not JSON: {error.msg} at line {error.lineno}, character {error.colno}.") from None
    except RecursionError:
        raise InputError(f"This JSON is nested too deeply: no more than {_DEEPEST} levels can be read.") from None
    except ValueError as error:
        raise InputError(f"This JSON cannot be read: {error}.") from None


def json_strings(data: Any) -> Iterator[tuple[Path, str]]:
    """Every string value with the keys and indices that lead to it, in order; keys themselves are not values.

    Raises:
        InputError: something in it is no JSON, and the message says where; or it is nested too deeply.
    """
    yield from _walk((), data)


def _walk(path: Path, value: Any) -> Iterator[tuple[Path, str]]:
    if len(path) > _DEEPEST:
        raise InputError(f"The data is nested too deeply, with more than {_DEEPEST} levels at {_shown(path[:9])}.")
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise InputError(f"A JSON key must be text; {_shown(path)} has the key {key!r}.")
            yield from _walk((*path, key), inner)
    elif isinstance(value, (list, tuple)):
        for i, inner in enumerate(value):
            yield from _walk((*path, i), inner)
    elif value is not None and not isinstance(value, (bool, int, float)):
        raise InputError(f"{_shown(path)} holds a {type(value).__name__}, which JSON cannot.")


def map_strings(data: Any, change: Callable[[Path, str], str]) -> Any:
    """A copy of the data with each string value changed; numbers, booleans, nulls and keys stay as they are.

    Args:
        data: plain values; tuples become lists. It is not changed.
        change: gets the path and the string.
    """
    return _map((), data, change)


def _map(path: Path, value: Any, change: Callable[[Path, str], str]) -> Any:
    if isinstance(value, str):
        return change(path, value)
    if isinstance(value, Mapping):
        return {key: _map((*path, key), inner, change) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_map((*path, i), inner, change) for i, inner in enumerate(value)]
    return value


def _shown(path: Path) -> str:
    return "$" + "".join(f"[{part!r}]" for part in path)

"""Options with a key and a value, most of which may be given several times."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from boildown.errors import ConfigurationError

__all__ = ["read_method", "read_options", "read_pairs"]


def read_method(given: str) -> tuple[str, str | None]:
    """The method and the model of NAME or NAME=MODEL."""
    name, _, model = given.partition("=")
    return name, model or None


def read_pairs(items: Iterable[str], option: str) -> dict[str, str]:
    """Reads the KEY=VALUE items of an option.

    Raises:
        ConfigurationError: an item has no key or no "=", or a key comes twice.
    """
    pairs: dict[str, str] = {}
    for item in items:
        key, found, value = item.partition("=")
        if not found or not key:
            raise ConfigurationError(f"{option} needs KEY=VALUE, not {item!r}.")
        if key in pairs:
            raise ConfigurationError(f"{option} {key}=... is given twice.")
        pairs[key] = value
    return pairs


def read_options(items: Iterable[str]) -> dict[str, Any]:
    """Reads the KEY=VALUE items of `--option`: a value is JSON where it can be read so, else text.

    Raises:
        ConfigurationError: as in `read_pairs`.
    """
    return {key: _value(text) for key, text in read_pairs(items, "--option").items()}


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text

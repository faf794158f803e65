"""Structured prompts and JSON as the published implementation reads them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from boildown.errors import ConfigurationError, InputError
from boildown.methods.exact.ratios import Segment

__all__ = ["json_contexts", "json_result", "read_tags"]

_TAG = re.compile(r"<llmlingua\s*((?:,\s*(?:rate\s*=\s*[\d.]+|compress\s*=\s*(?:True|False))\s*)*)>([^<]+)</llmlingua>")
_RATE = re.compile(r"rate\s*=\s*([\d.]+)")
_COMPRESS = re.compile(r"compress\s*=\s*(True|False)")

_FIXED = "<llmlingua, compress=False>"
_END = "</llmlingua>"


def read_tags(contexts: Sequence[str], rate: float) -> tuple[list[str], list[list[Segment]]]:
    """Contexts without tags, and their segments. Text with a "<" in it and text between tags is lost, as published.

    Raises:
        ConfigurationError: a rate above 1, or one that is no number.
    """
    texts, rows = [], []
    for context in contexts:
        if not context.startswith("<llmlingua"):
            context = f"<llmlingua>{context}"
        if not context.endswith(_END):
            context += _END
        pieces = [(match[2], *_options(match[1], rate)) for match in _TAG.finditer(context)]
        texts.append("".join(text for text, _, _ in pieces))
        rows.append([Segment(len(text), part, compress) for text, part, compress in pieces])
    return texts, rows


def _options(written: str, rate: float) -> tuple[float, bool]:
    wanted = _COMPRESS.search(written)
    compress = wanted is None or wanted[1] == "True"
    given = _RATE.search(written)
    try:
        # A rate of 0 counts as none given, as published.
        part = (float(given[1]) if given else 0.0) or (rate if compress else 1.0)
    except ValueError:
        raise ConfigurationError(f"<llmlingua{written}> has a rate that is no number.") from None
    if part > 1:
        raise ConfigurationError(f"rate={part} in a <llmlingua> tag is above 1; it is the share to keep.")
    return part, compress


def json_contexts(data: Mapping[str, Any], rules: Mapping[str, Mapping[str, Any]]) -> tuple[list[str], list[int]]:
    """A tagged context for each pair between those of the two braces, and the indices that must be kept.

    Raises:
        ConfigurationError: the rules' keys are not the data's, or a value type is unknown.
    """
    if set(data) != set(rules):
        raise ConfigurationError(f"The rules are for {sorted(rules)}, but the data has {sorted(data)}.")
    contexts, forced = [f"{_FIXED}{{{_END}"], [0]
    for i, (key, value) in enumerate(data.items(), 1):
        rule = rules[key]
        if not rule["pair_remove"]:
            forced.append(i)
        contexts.append(_pair(key, value, rule["value_type"], rule["rate"] if rule["compress"] else 1))
    # The last pair loses its comma: the fourteen characters of ", " and the end tag.
    contexts[-1] = contexts[-1][: -len(_END) - 2] + _END
    return [*contexts, f"{_FIXED}}}{_END}"], [*forced, len(data) + 1]


def _pair(key: str, value: Any, kind: str, rate: float) -> str:
    if rate == 1:
        return f"{_FIXED}{json.dumps({key: value})[1:-1]}, {_END}"
    if kind in ("str", "string", "bool", "boolean"):
        text = str(value) if kind in ("str", "string") else _boolean(value)
        return f"{_FIXED}{json.dumps({key: _open(rate, text)})[1:-1]}, {_END}"
    if kind in ("int", "integer", "float", "number"):
        number = int(value) if kind in ("int", "integer") else float(value)
        return f'{_FIXED}"{key}": {_open(rate, str(number))}, {_END}'
    if kind in ("list", "List", "tuple"):
        items, brackets = [str(item) for item in value], "()" if kind == "tuple" else "[]"
    elif kind in ("dict", "dictionary"):
        items, brackets = [f"{k}: {v}" for k, v in value.items()], "[]"
    else:
        raise ConfigurationError(f"value_type={kind!r} is not one of str, int, float, bool, list, dict, tuple.")
    inner = '", "'.join(_open(rate, item) for item in items)
    return f'{_FIXED}"{key}": {brackets[0]}"{inner}"{brackets[1]}, {_END}'


def _open(rate: float, text: str) -> str:
    return f"{_END}<llmlingua, rate={rate}>{text}{_END}{_FIXED}"


def _boolean(value: Any) -> str:
    for text, values in (("true", ("True", "true", "TRUE", True)), ("false", ("False", "false", "FALSE", False))):
        if value in values:
            return text
    raise ConfigurationError(f"{value!r} is no boolean.")


def json_result(text: str) -> Any:
    """The compressed text as JSON.

    Raises:
        InputError: compression broke it, as it may in this mode.
    """
    try:
        return json.loads(re.sub(r",[\s,]*", ",", text))
    except ValueError as error:
        raise InputError(
            f"The exact mode broke the JSON, as llmlingua does with such values ({error}). Without exact=True the "
            "result is always valid."
        ) from error

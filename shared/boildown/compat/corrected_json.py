"""`compress_json`: strings are cut, everything else is left alone, so that the result is valid JSON always."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from boildown.compat.arguments import Arguments, is_share
from boildown.compat.corrected import score
from boildown.compat.counting import report
from boildown.compat.cutter import SectionCutter, fit
from boildown.compat.levels import after_sentence_level, choose_contexts
from boildown.compat.scorers import Scorers
from boildown.counters import Counter
from boildown.errors import ConfigurationError, InputError, unknown_name
from boildown.methods.exact.coarse import reading_order
from boildown.sources import Sources
from boildown.text.json_text import Path, json_strings, map_strings
from boildown.text.structured import Section

__all__ = ["compress_json"]

_RULES = ("rate", "compress", "value_type", "pair_remove")


def compress_json(
    scorers: Scorers, counter: Counter, data: Any, rules: Mapping[str, Mapping[str, Any]], a: Arguments
) -> dict[str, Any]:
    """Compresses the strings of JSON data, all in one cut but for those whose rule has a rate of its own.

    Raises:
        InputError: the data is no JSON.
        ConfigurationError: a rule is for no key, or has an unknown name or a value out of range.
    """
    leaves = list(json_strings(data))
    _check_rules(rules, data)
    sources = Sources([text for _, text in leaves])
    scores, relevance = score(scorers, sources, a)
    rows = [[_section(path, text, rules)] for path, text in leaves]
    tokens_in = counter.count(_text(data))
    limit = math.floor(a.target_token) if a.target_token >= 0 else math.floor(a.rate * tokens_in + 1e-9)
    kept_keys = _kept_keys(data, leaves, relevance, rules, limit, a, scorers, counter)

    used = [i for i, (path, _) in enumerate(leaves) if not path or path[0] in kept_keys or isinstance(path[0], int)]
    scores = after_sentence_level(scores, relevance, scorers.rank, sources, used, rows, counter, max(limit, 0), a)
    thinned = {key: data[key] for key in kept_keys} if isinstance(data, Mapping) else data
    cutter = SectionCutter(sources, scores, relevance, rows, used, a, counter, scorers.threshold)

    def built(budget: int | None) -> Any:
        kept = zip(used, cutter.spans(budget), strict=True)
        texts = {leaves[i][0]: "".join([leaves[i][1][start:end] for start, end in spans]) for i, spans in kept}
        return map_strings(thinned, lambda path, text: texts[path])

    strings = sum(counter.count_many([text for _, text in leaves]))
    first = limit - (tokens_in - strings)
    result = fit(built, lambda found: counter.count(_text(found)), limit, first)
    return {**report("", tokens_in, counter.count(_text(result))), "compressed_prompt": result}


def _kept_keys(
    data: Any,
    leaves: list[tuple[Path, str]],
    relevance: Any,
    rules: Mapping[str, Mapping[str, Any]],
    limit: int,
    a: Arguments,
    scorers: Scorers,
    counter: Counter,
) -> list[str]:
    """Keys at the top, in order; without those that the key-value filter takes out, which their rules allow."""
    if not isinstance(data, Mapping):
        return []
    keys = list(data)
    removable = [key for key in keys if rules.get(key, {}).get("pair_remove", False)]
    if not a.use_context_level_filter or not removable:
        return keys
    best = np.full(len(keys), -np.inf)
    for (path, _), value in zip(leaves, relevance, strict=True):
        place = keys.index(path[0])
        best[place] = max(best[place], value)
    costs = counter.count_many([_text({key: data[key]}) for key in keys])
    fixed = [i for i, key in enumerate(keys) if key not in removable]
    taken = choose_contexts(best, costs, limit, fixed, a, scorers.classifier)
    return [keys[i] for i in reading_order(taken, a.reorder_context)]


def _section(path: Path, text: str, rules: Mapping[str, Mapping[str, Any]]) -> Section:
    """The whole string, by the most specific rule for it."""
    names = [str(part) for part in path if isinstance(part, str)]
    for length in range(len(names), 0, -1):
        rule = rules.get(".".join(names[:length]))
        if rule is not None:
            rate = rule.get("rate")
            return Section(0, len(text), rate, bool(rule.get("compress", True)))
    return Section(0, len(text))


def _check_rules(rules: Mapping[str, Mapping[str, Any]], data: Any) -> None:
    paths = set(_key_paths(data))
    for key, rule in rules.items():
        for name in rule:
            if name not in _RULES:
                raise ConfigurationError(f"json_config[{key!r}] has {name!r}; a rule takes {', '.join(_RULES)}.")
        rate = rule.get("rate")
        if rate is not None and not is_share(rate):
            raise ConfigurationError(f"json_config[{key!r}]['rate'] must be from 0 to 1, not {rate!r}.")
        if key not in paths:
            raise unknown_name("key in json_config", key, paths)


def _key_paths(data: Any, above: tuple[str, ...] = ()) -> Iterator[str]:
    """Every key with those above it, joined by dots; in lists the places are left out."""
    if isinstance(data, Mapping):
        for key, value in data.items():
            yield ".".join((*above, key))
            yield from _key_paths(value, (*above, key))
    elif isinstance(data, (list, tuple)):
        for value in data:
            yield from _key_paths(value, above)


def _text(data: Any) -> str:
    try:
        return json.dumps(data, ensure_ascii=False, allow_nan=False)
    except ValueError:
        raise InputError("The data holds NaN or an infinite number, which JSON cannot.") from None

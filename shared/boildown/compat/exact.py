"""The published behaviour behind the published arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from boildown.compat.arguments import Arguments
from boildown.compat.counting import report
from boildown.compat.rankers import find_ranker
from boildown.counters import Counter
from boildown.methods.exact.language_model import ReferenceLM
from boildown.methods.exact.llmlingua2 import ExactLLMLingua2
from boildown.methods.exact.prompt import compress_exactly, target_of
from boildown.methods.exact.ranking import PERPLEXITY
from boildown.methods.exact.ratios import Segment
from boildown.methods.exact.structured import json_contexts, json_result, read_tags

__all__ = ["json_data", "llmlingua2_prompt", "prompt", "structured"]

_BUILT_IN = (*PERPLEXITY, "bm25", "gzip")


def prompt(
    lm: ReferenceLM,
    counter: Counter,
    device: str,
    contexts: Sequence[str],
    a: Arguments,
    segments: Sequence[Sequence[Segment]] | None = None,
) -> dict[str, Any]:
    """`compress_prompt` of LLMLingua and LongLLMLingua."""
    if a.rank_method not in _BUILT_IN:
        a = replace(a, rank_method=find_ranker(a.rank_method, device, exact=True))
    text = a.prompt(compress_exactly(lm, contexts, a, segments).text)
    return report(text, counter.count(a.original(contexts)), counter.count(text), exact=True)


def structured(lm: ReferenceLM, counter: Counter, device: str, contexts: Sequence[str], a: Arguments) -> dict[str, Any]:
    """`structured_compress_prompt`: contexts go through the tokenizer and back before their tags are read."""
    texts = [lm.decode(lm.ids(text, special=False)) for text in contexts]
    rate, target = a.rate, a.target_token
    if target == -1:
        target = target_of(lm, texts, a)
    else:
        rate = target / sum(lm.count(text) for text in texts)
    plain, segments = read_tags(texts, rate)
    return prompt(lm, counter, device, plain, replace(a, rate=min(rate, 1.0), target_token=target), segments)


def json_data(
    lm: ReferenceLM,
    counter: Counter,
    device: str,
    data: Mapping[str, Any],
    rules: Mapping[str, Mapping[str, Any]],
    a: Arguments,
) -> dict[str, Any]:
    """`compress_json`."""
    contexts, forced = json_contexts(data, rules)
    a = replace(a, force_context_ids=forced, concate_question=False, strict_preserve_uncompressed=False)
    result = structured(lm, counter, device, contexts, a)
    return {**result, "compressed_prompt": json_result(result["compressed_prompt"])}


def llmlingua2_prompt(
    compressor: ExactLLMLingua2, counter: Counter, contexts: Sequence[str], a: Arguments, threshold: float | None
) -> dict[str, Any]:
    """`compress_prompt` of LLMLingua-2."""
    done = compressor.compress(contexts, a, counter.count, threshold)
    tokens_out = sum(counter.count(text) for text in done.texts)
    result = report("\n\n".join(done.texts), done.tokens_in, tokens_out, exact=True)
    result["compressed_prompt_list"] = done.texts
    if a.return_word_label:
        lines = (f"{word}{a.label_sep}{label}" for word, label in done.labels)
        result["fn_labeled_original_prompt"] = a.word_sep.join(lines)
    return result

"""`PromptCompressor` with the published interface."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from boildown.compat import corrected, exact
from boildown.compat.arguments import as_contexts, given_sections, read_arguments
from boildown.compat.json_rules import read_rules
from boildown.compat.lazy_models import LazyModels
from boildown.errors import ConfigurationError, InputError
from boildown.forks import watch_forks
from boildown.methods.exact.language_model import ReferenceLM
from boildown.methods.exact.ratios import Segment
from boildown.methods.exact.recovery import recover_exactly
from boildown.text.json_text import read_json
from boildown.text.structured import parse_tags

__all__ = ["PromptCompressor"]


class PromptCompressor(LazyModels):
    """Stands in for `llmlingua.PromptCompressor`: the same constructor, methods, arguments and result keys.

    It runs the corrected algorithms, or with `exact=True` the published ones, whose text equals that of llmlingua
    0.2.2 on the same weights. Models are loaded when they are first needed; no argument is changed, nothing is
    evaluated, downloaded behind your back or seeded, and code from a checkpoint runs only where
    `model_config={"trust_remote_code": True}` says so. `examples/migrating_from_llmlingua.md` has every argument.

    Args:
        model_name: path or hub id; or an object with `model` and `tokenizer`, such as an `llmlingua.PromptCompressor`,
            whose weights and kind are used; or any method of this package, such as `BM25()`.
        device_map: a device such as "cuda" or "cpu", "auto" for the best there is, or a map for accelerate.
        model_config: keyword arguments for `from_pretrained`.
        open_api_config: not read; rankers of remote services are passed as objects to `rank_method`.
        use_llmlingua2: the model is a token classifier.
        use_slingua: SecurityLingua: a token classifier whose threshold is 0.5, whatever the rate.
        llmlingua2_config: max_batch_size and max_force_token, accepted and not needed.
        exact: reproduce llmlingua 0.2.2.
        counter: who counts tokens for budgets and reports; None for cl100k_base, as published.
    """

    def __init__(
        self,
        model_name: str | Any = "NousResearch/Llama-2-7b-hf",
        device_map: Any = "auto",
        model_config: Mapping[str, Any] | None = None,
        open_api_config: Mapping[str, Any] | None = None,
        use_llmlingua2: bool = False,
        use_slingua: bool = False,
        llmlingua2_config: Mapping[str, Any] | None = None,
        *,
        exact: bool = False,
        counter: Any = None,
    ) -> None:
        super().__init__(model_name, device_map, model_config, use_llmlingua2, use_slingua, exact, counter)
        self.open_api_config = dict(open_api_config or {})
        self.llmlingua2_config = dict(llmlingua2_config or {})
        self._exact_guard = threading.Lock()  # transformers' tokenizers are for one thread at a time
        watch_forks(self)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in super().__getstate__().items() if name != "_exact_guard"}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        vars(self).update(state)
        self._exact_guard = threading.Lock()
        watch_forks(self)

    def after_fork(self) -> None:
        """Makes a child process's own lock."""
        self._exact_guard = threading.Lock()

    def __call__(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """`compress_prompt`."""
        return self.compress_prompt(*args, **kwargs)

    def compress_prompt(
        self,
        context: str | Sequence[str],
        instruction: str = "",
        question: str = "",
        rate: float = 0.5,
        target_token: float = -1,
        **arguments: Any,
    ) -> dict[str, Any]:
        """Compresses contexts.

        Args:
            context: one text or several.
            instruction: put first, never compressed.
            question: what the contexts are for; put last, never compressed, unless `concate_question=False`.
            rate: the share of the whole prompt's tokens to keep.
            target_token: tokens to keep of the contexts; overrides `rate`.
            **arguments: any other published argument.

        Returns:
            compressed_prompt, origin_tokens, compressed_tokens, ratio, rate, saving; for LLMLingua-2 also
            compressed_prompt_list, and fn_labeled_original_prompt with `return_word_label=True`.

        Raises:
            ConfigurationError: an argument is unknown or out of range.
        """
        a = read_arguments(
            **arguments, instruction=instruction, question=question, rate=rate, target_token=target_token
        )
        contexts = as_contexts(context)
        if not self.exact:
            return corrected.compress(self._scorers(a), self._counter, contexts, a, given_sections(a, contexts))
        if self.use_llmlingua2:
            with self._exact_guard:
                return exact.llmlingua2_prompt(self._classifier, self._counter, contexts, a, self._threshold)
        rows = given_sections(a, contexts)
        segments: list[list[Segment]] | None = None
        if rows is not None:
            segments = [[Segment(s.end - s.start, s.rate or a.rate, s.compress) for s in row] for row in rows]
        with self._exact_guard:
            return exact.prompt(ReferenceLM(self._lm), self._counter, self._device, contexts, a, segments)

    def compress_prompt_llmlingua2(
        self, context: str | Sequence[str], rate: float = 0.5, target_token: float = -1, **arguments: Any
    ) -> dict[str, Any]:
        """`compress_prompt` for a token classifier; without other word, no context is dropped as a whole.

        Raises:
            ConfigurationError: the model is no token classifier, or an argument is wrong.
        """
        if not self.use_llmlingua2:
            raise ConfigurationError("This model is no token classifier; build with use_llmlingua2=True.")
        arguments = {"use_context_level_filter": False, **arguments}
        return self.compress_prompt(context, rate=rate, target_token=target_token, **arguments)

    def structured_compress_prompt(
        self,
        context: str | Sequence[str],
        instruction: str = "",
        question: str = "",
        rate: float = 0.5,
        target_token: float = -1,
        **arguments: Any,
    ) -> dict[str, Any]:
        """Compresses contexts with `<llmlingua, rate=0.3, compress=True>...</llmlingua>` around their parts.

        Raises:
            InputError: a tag is malformed; the message says at which character.
            ConfigurationError: an argument is unknown or out of range.
        """
        a = read_arguments(
            **arguments, instruction=instruction, question=question, rate=rate, target_token=target_token
        )
        contexts = as_contexts(context)
        if self.exact:
            self._needs_causal("structured_compress_prompt")
            with self._exact_guard:
                return exact.structured(ReferenceLM(self._lm), self._counter, self._device, contexts, a)
        parsed = []
        for i, text in enumerate(contexts):
            try:
                parsed.append(parse_tags(text))
            except InputError as error:
                raise InputError(f"context[{i}]: {error}") from None
        texts = [text for text, _ in parsed]
        return corrected.compress(self._scorers(a), self._counter, texts, a, [sections for _, sections in parsed])

    def compress_json(
        self,
        json_data: Any,
        json_config: str | Mapping[str, Mapping[str, Any]] | None = None,
        instruction: str = "",
        question: str = "",
        rate: float = 0.5,
        target_token: float = -1,
        **arguments: Any,
    ) -> dict[str, Any]:
        """Compresses the strings inside JSON; "compressed_prompt" is the data again, and always valid.

        Args:
            json_data: plain values of any nesting, or JSON as a string.
            json_config: for each key, {"rate", "compress", "value_type", "pair_remove"}, all optional, or the path of
                a YAML file with them. Keys of nested objects are joined by dots ("author.bio"), places in lists left
                out; what has no rule has `rate`. In the corrected mode the value's type is seen in the data.
            instruction: counted, and not part of the result.
            question: what the data is for; counted likewise.
            rate: the share of tokens to keep.
            target_token: tokens to keep; overrides `rate`.
            **arguments: any other published argument; `use_keyvalue_level_filter` and `reorder_keyvalue` stand for
                `use_context_level_filter` and `reorder_context`.

        Raises:
            InputError: the data is no JSON; the message says where.
            ConfigurationError: an argument or a rule is wrong.
        """
        arguments |= {
            "use_context_level_filter": arguments.pop("use_keyvalue_level_filter", False),
            "reorder_context": arguments.pop("reorder_keyvalue", "original"),
            "concate_question": False,
        }
        a = read_arguments(
            **arguments, instruction=instruction, question=question, rate=rate, target_token=target_token
        )
        data = read_json(json_data) if isinstance(json_data, str) else json_data
        rules = read_rules(json_config)
        if self.exact:
            self._needs_causal("compress_json")
            with self._exact_guard:
                return exact.json_data(ReferenceLM(self._lm), self._counter, self._device, data, rules, a)
        from boildown.compat.corrected_json import compress_json

        return compress_json(self._scorers(a), self._counter, data, rules, a)

    def recover(self, original_prompt: str, compressed_prompt: str, response: str) -> str:
        """The response with what it repeats of the compressed prompt in the original's wording."""
        if self.exact:
            with self._exact_guard:
                return recover_exactly(self.tokenizer, original_prompt, compressed_prompt, response)
        from boildown.compat.alignment import recover_text

        return recover_text(original_prompt, compressed_prompt, response)

    def get_token_length(self, text: str, add_special_tokens: bool = True, use_oai_tokenizer: bool = False) -> int:
        """Tokens of a text by the model's tokenizer, or by the one that reports count with."""
        if use_oai_tokenizer:
            return self._counter.count(text)
        return len(self.tokenizer(text, add_special_tokens=add_special_tokens).input_ids)

    def _needs_causal(self, what: str) -> None:
        if self.use_llmlingua2:
            raise ConfigurationError(
                f"llmlingua's {what} does not work with LLMLingua-2, so there is nothing to reproduce. Without "
                "exact=True it does."
            )

"""The models of a `PromptCompressor`, loaded when they are first needed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from boildown.compat.arguments import Arguments
from boildown.compat.counting import reporting_counter
from boildown.compat.models import (
    SPREAD,
    LoadedLLMLingua2,
    load_model_and_tokenizer,
    take_over,
    token_classifier,
)
from boildown.compat.scorers import Scorers, causal_scorers, classifier_scorers, method_scorers
from boildown.counters import Counter, resolve_counter
from boildown.errors import ConfigurationError
from boildown.methods.base import Method
from boildown.methods.exact.llmlingua2 import ExactLLMLingua2
from boildown.methods.llmlingua2 import LLMLingua2
from boildown.methods.securitylingua import SecurityLingua
from boildown.runtime.causal import CausalLM
from boildown.runtime.models import shared_model

__all__ = ["LazyModels"]


class LazyModels:
    """What scores, ranks and counts for a `PromptCompressor`, whose constructor has the arguments."""

    def __init__(
        self,
        model_name: str | Any,
        device_map: Any,
        model_config: Mapping[str, Any] | None,
        use_llmlingua2: bool,
        use_slingua: bool,
        exact: bool,
        counter: Any,
    ) -> None:
        self.model_name = model_name
        self.device_map = device_map
        self.model_config = dict(model_config or {})
        # An object that is taken over brings its kind with it.
        self.use_slingua = use_slingua or bool(getattr(model_name, "use_slingua", False))
        self.use_llmlingua2 = self.use_slingua or use_llmlingua2 or bool(getattr(model_name, "use_llmlingua2", False))
        self.exact = exact
        self._counter_spec = counter
        if exact and isinstance(model_name, Method):
            raise ConfigurationError("exact=True reproduces llmlingua, which needs a model, not a method.")

    def __getstate__(self) -> dict[str, Any]:
        """The arguments, without what was loaded for them."""
        loaded = {name for name, value in vars(LazyModels).items() if isinstance(value, cached_property)}
        return {name: value for name, value in vars(self).items() if name not in loaded}

    @cached_property
    def _pair(self) -> tuple[Any, Any]:
        if not isinstance(self.model_name, (str, Path)):
            return take_over(self.model_name)
        name, classifier = str(self.model_name), self.use_llmlingua2
        # Half precision would round the exact mode's thresholds elsewhere than published.
        dtype = "float32" if self.exact else "auto"

        def load() -> tuple[Any, Any]:
            return load_model_and_tokenizer(
                name, self.device_map, self.model_config, classifier=classifier, dtype=dtype
            )

        if classifier and self.exact:
            return load()  # the exact mode enlarges the vocabulary, which nobody else should see
        key = ("compat", name, classifier, dtype, repr(self.device_map), repr(sorted(self.model_config.items())))
        return shared_model(key, load)

    @property
    def model(self) -> Any:
        """The transformers model."""
        return self._pair[0]

    @property
    def tokenizer(self) -> Any:
        """Its tokenizer."""
        return self._pair[1]

    @cached_property
    def _counter(self) -> Counter:
        if self._counter_spec is not None:
            return resolve_counter(self._counter_spec)
        return reporting_counter(lambda: None if isinstance(self.model_name, Method) else self.tokenizer)

    @cached_property
    def _lm(self) -> CausalLM:
        return CausalLM(*self._pair)

    @cached_property
    def _classifier(self) -> ExactLLMLingua2:
        return ExactLLMLingua2(*self._pair)

    @property
    def _threshold(self) -> float | None:
        return SecurityLingua.THRESHOLD if self.use_slingua else None

    @cached_property
    def _token_classifier(self) -> Any:
        return token_classifier(*self._pair)

    @property
    def _device(self) -> str:
        """Where a ranking model goes."""
        if isinstance(self.device_map, str) and self.device_map not in SPREAD:
            return self.device_map
        return str(self.model.device)

    def _scorers(self, a: Arguments) -> Scorers:
        if isinstance(self.model_name, Method):
            return method_scorers(self.model_name, self._device, a)
        if not self.use_llmlingua2:
            return causal_scorers(self._lm, self._device, a)
        options: dict[str, Any] = {"force_tokens": a.force_tokens, "force_reserve_digit": a.force_reserve_digit}
        simple = isinstance(self.model_name, (str, Path)) and isinstance(self.device_map, str) and not self.model_config
        if simple and self.device_map not in SPREAD:
            method = LLMLingua2(str(self.model_name), device=self.device_map, **options)
        else:
            method = LoadedLLMLingua2(self._token_classifier, **options)
        return classifier_scorers(method, self._device, a, self._threshold)

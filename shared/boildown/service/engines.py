"""The names that requests may use, and what stands behind them: an allow-list that is fixed when the service starts."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from boildown.budget import Budget
from boildown.compressor import Compressor
from boildown.counters import CounterSpec, resolve_counter
from boildown.errors import unknown_name
from boildown.methods.registry import DEFAULT_METHOD, method_names
from boildown.service.errors import Refusal, invalid
from boildown.service.settings import Settings

__all__ = ["Engines", "Served"]

_ALWAYS = ("prune", "bm25", "gzip")
"""Methods that need nothing but this package, served under their own names."""
_WARM_UP = ("Where is the harbour?", ["The harbour lies in the north. Bread is sold in the south."])


@dataclass(frozen=True, slots=True)
class Served:
    """A model under its public name.

    Attributes:
        name: what requests call it.
        method: how it scores.
        model: its path, which no answer shows; None for what the method brings.
        reads_query: False if its scores depend on the documents alone.
    """

    name: str
    method: str
    model: str | None
    reads_query: bool


class Engines:
    """Builds compressors for requests.

    Args:
        settings: the service's.

    Raises:
        ConfigurationError: a model or a counter of the settings is not possible.
    """

    def __init__(self, settings: Settings) -> None:
        self._placement: dict[str, Any] = {"device": settings.device, "dtype": settings.dtype, "cache": settings.cache}
        known = method_names()
        named = {name: _parse(value, known) for name, value in settings.models.items()}
        self.default = next(iter(named), DEFAULT_METHOD)
        for name in _ALWAYS:
            named.setdefault(name, (name, None))
        self.models: Mapping[str, Served] = {
            name: Served(name, method, model, Compressor(method, model=model, **self._placement).method.uses_query)
            for name, (method, model) in named.items()
        }
        estimate = resolve_counter(None).name
        # By their names, since counts are kept for a counter that is named.
        self.counters: dict[str, CounterSpec] = {**settings.counters}
        self.counters.setdefault(estimate, estimate)
        for spec in self.counters.values():
            resolve_counter(spec)
        self.default_counter = next(iter(self.counters))
        self.since = int(time.time())

    def load(self) -> None:
        """Loads every model and counts once with every counter, so that no request has to wait for it.

        Raises:
            BoildownError: something cannot be loaded.
        """
        for served in self.models.values():
            self.compressor(served).compress(*_WARM_UP, Budget(tokens=12))
        for counter in self.counters.values():
            resolve_counter(counter).count("")

    def find(self, name: str | None, method: str | None = None, field: str = "model") -> Served:
        """What a request means.

        Args:
            name: a model's public name; None for the default, or for the first one of `method`.
            method: how it shall score; None if the request does not say.
            field: of the request, for the refusal.

        Raises:
            Refusal: there is no such model, or it is of another method.
        """
        if name is not None:
            served = self.models.get(name)
            if served is None:
                raise invalid(f"There is no model of this name here. There are: {', '.join(self.models)}.", field)
            if method is not None and served.method != method:
                raise invalid(f"The model {name!r} scores by {served.method!r}, not by this method.", "method")
            return served
        if method is None:
            return self.models[self.default]
        found = [served for served in self.models.values() if served.method == method]
        if not found:
            methods = dict.fromkeys(served.method for served in self.models.values())
            raise invalid(
                f"No model of this method is served here. There are models of: {', '.join(methods)}.", "method"
            )
        return next((served for served in found if served.name == self.default), found[0])

    def ranker(self, name: str) -> Served:
        """What a request means by `rank`: a model's public name, or a method."""
        if name in self.models:
            return self.models[name]
        try:
            return self.find(None, name)
        except Refusal:
            return self.find(name, field="rank")

    def reader(self, name: str | None) -> Served:
        """What a request to rank documents for a query means: a model that reads it, and the first if none is named.

        Raises:
            Refusal: there is no such model, or it does not read the query.
        """
        served = self.find(name)
        if served.reads_query:
            return served
        readers = [one for one in self.models.values() if one.reads_query]
        if name is None and readers:
            return readers[0]
        known = ", ".join(one.name for one in readers)
        raise invalid(
            f"The model {served.name!r} does not read the query, so it cannot rerank. There are: {known}.", "model"
        )

    def counter(self, name: str | None) -> CounterSpec:
        """What stands behind a counter's public name; None for the default.

        Raises:
            Refusal: there is no such counter.
        """
        counter = self.counters.get(self.default_counter if name is None else name)
        if counter is None:
            raise invalid(
                f"There is no counter of this name here. There are: {', '.join(self.counters)}.", "budget.counter"
            )
        return counter

    def compressor(self, served: Served, rank: Served | None = None, **arguments: Any) -> Compressor:
        """A compressor; it shares the models with all others.

        Args:
            served: what scores.
            rank: what ranks documents; None for the same.
            **arguments: others of `Compressor`.
        """
        if rank is not None:
            arguments.update(rank=rank.method, rank_model=rank.model)
        return Compressor(served.method, model=served.model, **self._placement, **arguments)


def _parse(value: str, methods: list[str]) -> tuple[str, str | None]:
    """Method and model of "METHOD:PATH", "METHOD" or "PATH"."""
    if value in methods:
        return value, None
    method, found, path = value.partition(":")
    if found and method in methods:
        return method, path
    if found and len(method) > 1 and not Path(value).exists():  # one letter is a drive of Windows
        raise unknown_name("method", method, methods)
    return DEFAULT_METHOD, value

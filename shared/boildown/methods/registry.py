"""Methods by name; a method's module is imported when it is first asked for.

Other packages add methods by an entry point of the group "boildown.methods" that names a class.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from importlib import import_module
from typing import Any

from boildown.errors import ConfigurationError, unknown_name
from boildown.methods.base import Method

__all__ = ["DEFAULT_METHOD", "METHODS", "create_method", "method_names"]

METHODS: dict[str, str] = {
    "prune": "boildown.methods.prune:Prune",
    "bm25": "boildown.methods.bm25:BM25",
    "embedding": "boildown.methods.embedding:Embedding",
    "cross_encoder": "boildown.methods.cross_encoder:CrossEncoder",
    "llmlingua2": "boildown.methods.llmlingua2:LLMLingua2",
    "llmlingua": "boildown.methods.llmlingua:LLMLingua",
    "longllmlingua": "boildown.methods.longllmlingua:LongLLMLingua",
    "selective_context": "boildown.methods.selective_context:SelectiveContext",
    "securitylingua": "boildown.methods.securitylingua:SecurityLingua",
    "gzip": "boildown.methods.gzip_rank:Gzip",
}
DEFAULT_METHOD = "prune"

_GROUP = "boildown.methods"


def method_names() -> list[str]:
    """The names of all methods, those of other packages included."""
    return sorted({*METHODS, *(point.name for point in _entry_points())})


def create_method(
    name: str, options: Mapping[str, Any], placement: Mapping[str, Any] | None = None, model: str = "model"
) -> Method:
    """Builds the method called `name`.

    Args:
        name: a key of `METHODS` or an entry point.
        options: keyword arguments of the method's constructor; None values are left out.
        placement: device and dtype, passed on to methods that run a model and of no matter to others.
        model: what the caller's argument for the option `model` is called, for messages.

    Raises:
        ConfigurationError: the method is unknown, cannot be imported, does not take one of the options, or needs one
            that is missing.
    """
    if name in METHODS:
        module, _, attribute = METHODS[name].partition(":")
        build = getattr(import_module(module), attribute)
    else:
        points = [point for point in _entry_points() if point.name == name]
        if not points:
            raise unknown_name("method", name, method_names())
        try:
            build = points[0].load()
        except (ImportError, AttributeError) as error:
            raise ConfigurationError(
                f"The method {name!r} is {points[0].value} of another package, which cannot be imported: {error}. "
                "Install what it needs, or correct the package's entry point."
            ) from error
    given = {key: value for key, value in options.items() if value is not None}
    takes, anything = _parameters(build)
    called = {"model": model}
    for key in given:
        if key not in takes and not anything:
            known = ", ".join(takes) or "nothing"
            raise ConfigurationError(f"The method {name!r} takes no {called.get(key, key)!r}; it takes {known}.")
    for key, parameter in takes.items():
        if parameter.default is parameter.empty and key not in given:
            raise ConfigurationError(
                f"The method {name!r} needs {called.get(key, key)}=, for example the path or hub id of a model."
            )
    placed = {key: value for key, value in (placement or {}).items() if key in takes}
    method: Method = build(**{**placed, **given})
    return method


def _entry_points() -> Iterable[Any]:
    from importlib.metadata import entry_points  # a tenth of the time that importing this package would take

    return entry_points(group=_GROUP)


@lru_cache(maxsize=256)
def _parameters(build: Callable[..., Any]) -> tuple[Mapping[str, inspect.Parameter], bool]:
    """The parameters by name, and whether any other is taken as well."""
    found = inspect.signature(build).parameters.values()
    named = {p.name: p for p in found if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}
    return named, any(p.kind is p.VAR_KEYWORD for p in found)

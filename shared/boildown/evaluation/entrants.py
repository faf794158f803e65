"""What takes part in a comparison: methods of the registry, and the baselines, by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from boildown.compressor import Compressor
from boildown.errors import ConfigurationError, unknown_name
from boildown.evaluation.baselines import LLMLinguaPackage, RandomSentences, TextBaseline, Truncate
from boildown.methods.registry import method_names
from boildown.pairs import read_method, read_options
from boildown.select.plan import listed
from boildown.types import Unit

__all__ = ["Entrant", "build_entrants", "entrant_names"]

_BASELINES: dict[str, Callable[..., Any]] = {
    "truncate": Truncate,
    "random": RandomSentences,
    "llmlingua_package": LLMLinguaPackage,
}


@dataclass(frozen=True, slots=True)
class Entrant:
    """One system under one configuration.

    Attributes:
        label: how reports call it.
        settings: everything that decides its results, as plain JSON values; a journal is keyed by it.
        system: a compressor, or a baseline that gives text only.
    """

    label: str
    settings: Mapping[str, Any]
    system: Compressor | TextBaseline


def entrant_names() -> list[str]:
    """All names that `build_entrants` takes."""
    return sorted({*method_names(), *_BASELINES})


def build_entrants(
    methods: Sequence[str],
    options: Iterable[str] = (),
    *,
    rank: str | None = None,
    unit: Unit | None = None,
    device: str = "auto",
) -> list[Entrant]:
    """Builds what takes part; no model is loaded yet.

    Args:
        methods: "NAME" or "NAME=MODEL".
        options: "KEY=VALUE" for every method, or "NAME.KEY=VALUE" for one, which counts where both are given; a value
            is JSON where it can be read so, else text.
        rank: what ranks documents, "NAME" or "NAME=MODEL"; None for each method itself.
        unit, device: see `Compressor`; like `rank` of no matter to baselines.

    Raises:
        ConfigurationError: a name or an option is unknown or given twice, or two entrants are the same.
    """
    chosen = [read_method(spec) for spec in listed("methods", methods)]
    ranker, rank_model = read_method(rank) if rank else (None, None)
    names = [name for name, _ in chosen]
    # What is said for one method comes after what is said for all, and counts.
    said = sorted(read_options(options).items(), key=lambda item: "." in item[0])
    given = [(*key.rpartition(".")[::2], value) for key, value in said]
    for target, key, _ in given:
        if target and target not in names:
            raise unknown_name(f"method in the option {target}.{key}:", target, names)
    entrants: list[Entrant] = []
    for name, model in chosen:
        label = _label(name, model, [other for known, other in chosen if known == name]) if model else name
        if any(label == other.label for other in entrants):
            raise ConfigurationError(f"The method {label!r} was given twice; results are told apart by name and model.")
        own = {key: value for target, key, value in given if target in ("", name)}
        settings: dict[str, Any] = {"method": name, "model": model, "options": own}
        system: Compressor | TextBaseline
        if name in _BASELINES:
            built = _build_baseline(name, {"model": model, **own})
            system = Compressor(built, cache=False) if hasattr(built, "score") else built
        elif name in method_names():
            settings.update(rank=rank, unit=unit)
            system = Compressor(
                name,
                model=model,
                options=own,
                rank=ranker,
                rank_model=rank_model,
                unit=unit,
                device=device,
                cache=False,
            )
        else:
            raise unknown_name("method", name, entrant_names())
        entrants.append(Entrant(label, settings, system))
    return entrants


def _label(name: str, model: str, models: Sequence[str | None]) -> str:
    """The method's name; where it comes with several models, also as much of the model's path as tells them apart."""
    if len(models) == 1:
        return name
    parts = Path(model).parts
    others = [Path(other).parts for other in models if other and Path(other).parts != parts]
    tails = (parts[-count:] for count in range(1, len(parts) + 1))
    tail = next((tail for tail in tails if all(other[-len(tail) :] != tail for other in others)), parts)
    return f"{name} ({Path(*tail)})"


def _build_baseline(name: str, options: Mapping[str, Any]) -> Any:
    build = _BASELINES[name]
    takes = inspect.signature(build).parameters
    given = {key: value for key, value in options.items() if value is not None}
    for key in given:
        if key not in takes:
            raise ConfigurationError(
                f"The baseline {name!r} takes no {key!r}; it takes {', '.join(takes) or 'nothing'}."
            )
    if "model" in takes and "model" not in given:
        raise ConfigurationError(f"The baseline {name!r} needs a model: give {name}=PATH.")
    return build(**given)

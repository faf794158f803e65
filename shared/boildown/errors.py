"""The error tree. Everything the package raises on purpose derives from `BoildownError`.

BoildownError
├── ConfigurationError   an argument is wrong, or two arguments exclude each other   (also a ValueError)
├── InputError           a document or a query cannot be used                        (also a ValueError)
├── RebudgetError        the result cannot be cut again                              (also a RuntimeError)
├── ModelError           a model or tokenizer cannot be loaded or does not fit       (also a RuntimeError)
└── MissingExtraError    an optional package is not installed                        (also an ImportError)
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "BoildownError",
    "ConfigurationError",
    "InputError",
    "MissingExtraError",
    "ModelError",
    "RebudgetError",
]


class BoildownError(Exception):
    """Base class of all errors of this package."""


class ConfigurationError(BoildownError, ValueError):
    """An argument is wrong, or two arguments exclude each other."""


class InputError(BoildownError, ValueError):
    """A document or a query cannot be used."""


class RebudgetError(BoildownError, RuntimeError):
    """The result cannot be cut again, because its method needed the budget while it scored."""


class ModelError(BoildownError, RuntimeError):
    """A model or tokenizer cannot be loaded, or does not fit the method that asked for it."""


class MissingExtraError(BoildownError, ImportError):
    """An optional package is not installed."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(f"{purpose} needs the package {package!r}. Install it with: pip install 'boildown[{extra}]'")
        self.package, self.extra, self.purpose = package, extra, purpose

    def __reduce__(self) -> tuple[type[MissingExtraError], tuple[str, str, str]]:
        return type(self), (self.package, self.extra, self.purpose)


def unknown_name(kind: str, name: object, known: Iterable[str]) -> ConfigurationError:
    """The error for a name that is not in a table, with the nearest known name."""
    names = sorted(known)
    near = difflib.get_close_matches(str(name), names, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return ConfigurationError(f"Unknown {kind} {name!r}.{hint} Known: {', '.join(names)}.")

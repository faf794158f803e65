"""The error tree. Everything the package raises on purpose derives from `BoildownError`.

BoildownError
├── ConfigurationError   an argument is wrong, or two arguments exclude each other   (also a ValueError)
├── InputError           a document or a query cannot be used                        (also a ValueError)
├── RebudgetError        the result cannot be cut again                              (also a RuntimeError)
├── ModelError           a model or tokenizer cannot be loaded or does not fit       (also a RuntimeError)
├── ServiceError         a service did not answer, or refused                        (also a RuntimeError)
├── MissingExtraError    an optional package is not installed                        (also an ImportError)
├── DeadlineError        the time that the caller allowed is over                    (also a TimeoutError)
├── CancelledError       the caller no longer wants the result                       (also a RuntimeError)
├── OverloadedError      too much work is waiting already                            (also a RuntimeError)
└── ClosedError          the scheduler has been closed                               (also a RuntimeError)
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "BoildownError",
    "CancelledError",
    "ClosedError",
    "ConfigurationError",
    "DeadlineError",
    "InputError",
    "MissingExtraError",
    "ModelError",
    "OverloadedError",
    "RebudgetError",
    "ServiceError",
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


class ServiceError(BoildownError, RuntimeError):
    """A service did not answer, or refused what `boildown.Client` asked of it.

    Attributes:
        status: the HTTP status; None where there was no answer.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status

    def __reduce__(self) -> tuple[type[ServiceError], tuple[str, int | None]]:
        return type(self), (str(self), self.status)


class MissingExtraError(BoildownError, ImportError):
    """An optional package is not installed."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(f"{purpose} needs the package {package!r}. Install it with: pip install 'boildown[{extra}]'")
        self.package, self.extra, self.purpose = package, extra, purpose

    def __reduce__(self) -> tuple[type[MissingExtraError], tuple[str, str, str]]:
        return type(self), (self.package, self.extra, self.purpose)


class DeadlineError(BoildownError, TimeoutError):
    """The time that the caller allowed is over."""


class CancelledError(BoildownError, RuntimeError):
    """The caller no longer wants the result."""


class OverloadedError(BoildownError, RuntimeError):
    """Too much work is waiting already.

    Attributes:
        retry_after: seconds after which there is likely to be room.
    """

    def __init__(self, message: str, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after

    def __reduce__(self) -> tuple[type[OverloadedError], tuple[str, float]]:
        return type(self), (str(self), self.retry_after)


class ClosedError(BoildownError, RuntimeError):
    """The scheduler has been closed, and takes no more work."""


def unknown_name(kind: str, name: object, known: Iterable[str]) -> ConfigurationError:
    """The error for a name that is not in a table, with the nearest known name."""
    names = sorted(known)
    folded = {known_name.casefold(): known_name for known_name in names}
    near = difflib.get_close_matches(str(name).casefold(), folded, n=1)
    hint = f" Did you mean {folded[near[0]]!r}?" if near else ""
    return ConfigurationError(f"Unknown {kind} {name!r}.{hint} Known: {', '.join(names)}.")

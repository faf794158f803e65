"""What the operator of a service decides before it starts; nothing of it can be changed by a request."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from boildown.errors import ConfigurationError

__all__ = ["TOKENS_VARIABLE", "Limits", "Settings", "read_named", "read_tokens"]

TOKENS_VARIABLE = "BOILDOWN_TOKENS"
"""The environment variable with the bearer tokens, separated by commas or white space."""

_MOST_SECONDS = 1_000_000
"""What a request may ask for at the most; far beyond it, the system's timers overflow."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_TOKEN = re.compile("[!-~]+")
_ORIGIN = re.compile(r"\*|null|[a-z][a-z0-9+.-]*://[^/?#\sA-Z]+")


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one request, and all of them, may ask for.

    Args:
        body_bytes: of one request's body.
        body_seconds: until the body has to be there.
        all_body_bytes: of the bodies of all requests that are read or worked on; what goes beyond is refused with 429.
        documents: of one query.
        tokens: of one query's documents and the query itself, by the built-in estimate.
        queries: of one batch, which has no more than the queue in any case.
        queue: queries that wait or run at the same time; one more is refused with 429.
        timeout: seconds; a request's own deadline is cut to it, and one without has it.

    Raises:
        ConfigurationError: a limit is not above 0, or seconds are more than a million; one body may be longer than all
            together.
    """

    body_bytes: int = 8 << 20
    body_seconds: float = 30.0
    all_body_bytes: int = 64 << 20
    documents: int = 1000
    tokens: int = 500_000
    queries: int = 64
    queue: int = 256
    timeout: float = 60.0

    def __post_init__(self) -> None:
        for limit in fields(self):
            value = getattr(self, limit.name)
            most = _MOST_SECONDS if isinstance(limit.default, float) else math.inf
            if not isinstance(value, (int, float)) or not 0 < value <= most:
                end = f" and at most {most:,}" if most < math.inf else ""
                raise ConfigurationError(f"The limit {limit.name} must be a number above 0{end}, not {value!r}.")
        if self.body_bytes > self.all_body_bytes:
            raise ConfigurationError(
                f"One body may have {self.body_bytes:,} bytes, and all together {self.all_body_bytes:,}. Raise "
                "all_body_bytes, too."
            )

    @property
    def batch(self) -> int:
        """Queries of one batch: what the queue could never hold is too much, however often it is tried again."""
        return min(self.queries, self.queue)


@dataclass(frozen=True, slots=True)
class Settings:
    """A service's configuration; a plain value that can be pickled.

    Args:
        models: names that requests may use, each with what stands behind it: "METHOD:PATH", "METHOD" (with the model
            it brings), or "PATH" of a model of the default method. The first one serves requests that name none;
            without any it is the bundled model. `prune`, `bm25` and `gzip` are always there under their own names.
        counters: names of token counters that requests may use, each with what `Budget(counter=)` takes. The first
            one counts for requests that name none; without any it is the built-in estimate, which is always there.
        tokens: bearer tokens, any of which opens the service; none leaves it open to all that reach it.
        cors: origins whose pages may call the service, or "*"; none by default.
        device, dtype, cache: see `Compressor`.
        threads: requests that are prepared side by side. The model's forwards have threads of their own.
        limits: see `Limits`.

    Raises:
        ConfigurationError: a name, a token or an origin cannot be one.
    """

    models: Mapping[str, str] = field(default_factory=dict)
    counters: Mapping[str, str] = field(default_factory=dict)
    tokens: tuple[str, ...] = field(default=(), repr=False)
    cors: tuple[str, ...] = ()
    device: str = "auto"
    dtype: str = "auto"
    cache: bool | str = True
    threads: int = 16
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        for name in (*self.models, *self.counters):
            if not _NAME.fullmatch(name):
                raise ConfigurationError(
                    f"{name!r} cannot be a name for requests. Use up to 100 letters, digits, dots, dashes and "
                    "underscores, and begin with a letter or a digit."
                )
        if isinstance(self.tokens, str) or not all(isinstance(t, str) and _TOKEN.fullmatch(t) for t in self.tokens):
            raise ConfigurationError(
                "tokens= is a list of bearer tokens, and none may be empty or hold white space, or letters other than "
                "ASCII, which not every client can send. In a token file, each token and each comment has a line of "
                "its own."
            )
        for origin in self.cors:  # browsers send origins as such, and any other writing would let nobody in
            if not _ORIGIN.fullmatch(origin):
                raise ConfigurationError(
                    f"{origin!r} is no origin of pages. Write the scheme and the host in small letters, maybe a port, "
                    "and nothing behind: https://app.example"
                )
        if self.threads < 1:
            raise ConfigurationError(f"threads= must be at least 1, not {self.threads!r}.")


def read_named(items: Iterable[str], option: str) -> dict[str, str]:
    """Reads "NAME=VALUE" items; one without "=" is its own name.

    Raises:
        ConfigurationError: a name is given twice, or has no value.
    """
    named: dict[str, str] = {}
    for item in items:
        name, found, value = item.partition("=")
        if name in named:
            raise ConfigurationError(f"{option} {name}=... is given twice.")
        if found and not value:
            raise ConfigurationError(f"{option} {item}: nothing stands behind the name.")
        named[name] = value if found else name
    return named


def read_tokens(file: str | None, environment: Mapping[str, str]) -> tuple[str, ...]:
    """Bearer tokens from a file with one a line, and from the environment variable `TOKENS_VARIABLE`.

    Lines of the file that begin with # are comments.

    Raises:
        ConfigurationError: the file cannot be read; or one of both is there and holds no token, which would open the
            service to everybody.
    """
    tokens: list[str] = []
    if TOKENS_VARIABLE in environment:
        tokens += re.split(r"[,\s]+", environment[TOKENS_VARIABLE].strip())
        if not any(tokens):
            raise ConfigurationError(f"{TOKENS_VARIABLE} is set and holds no token. Unset it to serve without tokens.")
    if file is not None:
        try:
            lines = Path(file).read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"The token file {file} cannot be read: {error}.") from error
        found = [line for line in map(str.strip, lines) if line and not line.startswith("#")]
        if not found:
            raise ConfigurationError(f"The token file {file} holds no token.")
        tokens += found
    return tuple(dict.fromkeys(token for token in tokens if token))

"""Which tool results of an agent are shortened, and to what: what both frameworks' agents have in common."""

from __future__ import annotations

import copy
import logging
import time
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from boildown.compressor import Compressor
from boildown.counters import CounterSpec, resolve_counter
from boildown.errors import CancelledError, ConfigurationError, ServiceError
from boildown.runtime import requests
from boildown.select.plan import Plan
from boildown.settings import Engine
from boildown.tools.content import Content
from boildown.tools.shorten import Memory, Short, ToolRule, shorten

__all__ = ["READER_NAME", "Shortening", "name_taken", "note_of", "unknown_reference"]

READER_NAME = "read_full_result"
"""The tool by which an agent reads the full text of a shortened result."""

_LOG = logging.getLogger("boildown.tools")

_LEAST = 50
"""The note alone is 35 to 45 tokens, as usual tokenizers count."""

_SLOW = 1.0
"""Seconds: a failure that took less costs little when it comes again, and may be of one result alone."""
_REST = 10
"""Times as long as a slow failure took, the engine is left alone after it; a conversation would wait as long again for
each of its results, and for all of them in every turn."""
_LONGEST_REST = 300.0


class Shortening:
    """Rules by tool, who counts, and what compresses.

    What was shortened lately is remembered, so that a conversation which is read again costs nothing. The notes of a
    `Short` go to the log `boildown.tools` too, once and as information.

    Args:
        tokens, trigger_tokens: the `ToolRule` of tools that have none of their own, of at least 50 tokens.
        rules: for tools by name, a `ToolRule` of their own, or None to leave their results alone.
        counter: whose tokens; see `boildown.Budget`.
        engine: what compresses; None for `boildown.Compressor()`. Of a `Compressor` or a `Client` a copy with
            `dedupe=None` is taken, since data may repeat a value.
        exempt: more tools whose results stay.

    Raises:
        ConfigurationError: an argument is out of range or unknown.
    """

    def __init__(
        self,
        tokens: int,
        trigger_tokens: int,
        rules: Mapping[str, ToolRule | None] | None,
        counter: CounterSpec,
        engine: Engine | None,
        exempt: Iterable[str] = (READER_NAME,),
    ) -> None:
        if engine is not None and not isinstance(engine, Engine):
            raise ConfigurationError(f"engine= must be a boildown.Compressor or alike, not {type(engine).__name__}.")
        if rules is not None and not isinstance(rules, Mapping):
            raise ConfigurationError(
                f"rules= maps names of tools to a ToolRule or None, such as {{'run_sql': None}}; got {rules!r}."
            )
        for name, rule in (rules or {}).items():
            if rule is not None and not isinstance(rule, ToolRule):
                raise ConfigurationError(f"rules[{name!r}] must be a ToolRule or None, not {type(rule).__name__}.")
        if not isinstance(counter, str):  # a name may need a download, so it is looked up on first use
            resolve_counter(counter)
        self.rule = ToolRule(tokens, trigger_tokens)
        self.rules: dict[str, ToolRule | None] = {**(rules or {}), **dict.fromkeys(exempt)}
        for rule in (self.rule, *self.rules.values()):
            if rule is not None and rule.tokens < _LEAST:
                raise ConfigurationError(
                    f"tokens={rule.tokens} is too few: the note at the end of a shortened result alone takes about 40. "
                    f"Give at least {_LEAST}."
                )
        self.counter = counter
        self.engine = _keeping_repetitions(Compressor() if engine is None else engine)
        self._memory = Memory()
        self._rest = _Rest()

    def short_form(self, tool: str, content: Content, query: str) -> Short | None:
        """What a tool's result is shortened to; None where it stays as it is.

        It stays, with a warning, where the engine fails, such as a client whose service is down: what the tool found
        is worth more than its shortness. An engine that took long to fail is not asked again for a while.

        Args:
            tool: its name.
            content: the result.
            query: what it is read for; see `boildown.tools.shorten.question_of`.

        Raises:
            CancelledError: the caller no longer wants it.
        """
        rule = self.rules.get(tool, self.rule)
        if rule is None:
            return None

        def make() -> Short | None:
            engine = self._rest.stand_in() or self.engine
            short = shorten(content, query, rule, note_of(content), engine, self.counter)
            for note in short.notes if short else ():
                _LOG.info("A result of %r: %s", tool, note)
            return short

        begin = time.monotonic()
        try:
            return self._memory.recall((content.reference, query, rule), make)
        except CancelledError:
            raise
        except Exception as error:  # a reranker's own among them
            reason = f"{type(error).__name__}: {error}"
            request = requests.current()
            if request is None or request.failure() is None:  # else the caller's own time was over
                self._rest.after(time.monotonic() - begin, reason)
            warnings.warn(f"A result of {tool!r} stays whole, for want of an engine. {reason}", RuntimeWarning, 2)
            return None


class _Rest:
    """While an engine is left alone that took long to fail; a copy or pickle of it begins anew."""

    def __init__(self) -> None:
        self._end, self._reason = 0.0, ""

    def __reduce__(self) -> tuple[type[_Rest], tuple[()]]:
        return _Rest, ()

    def after(self, seconds: float, reason: str) -> None:
        """Begins where the failure took so long that another one should not be waited for."""
        if seconds >= _SLOW:
            self._reason = reason
            self._end = time.monotonic() + min(_REST * seconds, _LONGEST_REST)

    def stand_in(self) -> Engine | None:
        """What takes the engine's place meanwhile."""
        return None if time.monotonic() >= self._end else _Absent(self._reason)


class _Absent:
    """Fails at once, as the engine did after a while."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def compress(self, *call: Any) -> Any:
        raise ServiceError(f"It is not asked again for a while since it failed: {self._reason}")

    async def acompress(self, *call: Any) -> Any:
        self.compress(*call)


def _keeping_repetitions(engine: Engine) -> Engine:
    """The engine without `dedupe`: values of data may repeat each other, and an empty one would say something else."""
    plan = getattr(engine, "plan", None)
    if isinstance(plan, Plan):  # A Compressor's or a Client's; what others do is their own.
        engine = copy.copy(engine)
        engine.plan = replace(plan, dedupe=None)  # type: ignore[attr-defined]
    return engine


def note_of(content: Content) -> str:
    """The note that a shortened result ends in."""
    return (
        "[Shortened to what matters for the question. "
        f'For the full text call {READER_NAME} with reference "{content.reference}".]'
    )


def name_taken() -> ConfigurationError:
    """The error for an agent with a tool of its own under the reader's name, of which frameworks use one in silence."""
    return ConfigurationError(
        f"The agent has another tool named {READER_NAME!r}, the name by which it reads shortened results in full. Give "
        "that tool another name."
    )


def unknown_reference(reference: str) -> str:
    """What the model is told that calls the reader with a reference of which no full text is kept."""
    return (
        f"No shortened result has the reference {reference!r}. Copy it from the result's last line. If that is "
        "where it is from, its full text is no longer kept: call the tool again."
    )

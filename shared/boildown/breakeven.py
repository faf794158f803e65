"""When compression pays: the seconds and the money of a request, with it and without it. Arithmetic only."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from boildown.errors import ConfigurationError

__all__ = ["CHUNKS", "Case"]

CHUNKS = 1_000_000
"""Chunks that the sums are made for."""


@dataclass(frozen=True, slots=True)
class Case:
    """One use of compression, by the numbers that decide whether it pays.

    All times are taken as linear in the length: `tokens` take `overhead_seconds + tokens / compressor_speed` to
    compress, and `tokens / llm_speed` to be read by the LLM. Compression runs before the LLM, never beside it, so its
    time is added. What the LLM writes and what is retrieved is the same with and without compression.

    Attributes:
        tokens: retrieved text of one request, in tokens of the LLM.
        rate: share of these that compression keeps, 0 to 1.
        compressor_speed: tokens the compressor reads in a second.
        overhead_seconds: what each compression costs besides, such as a network hop.
        llm_speed: input tokens the LLM reads in a second; None if unknown, and then nothing is said of time.
        other_seconds: the rest of a request: retrieval, and what the LLM writes.
        llm_price: of a million input tokens; None if unknown, and then nothing is said of money.
        machine_price: of the compressor's machine for an hour, in the same currency. Only busy time is counted.
        chunk_tokens: tokens of one chunk, for the sums over a million chunks.

    Raises:
        ConfigurationError: a value is out of range, or neither `llm_speed` nor `llm_price` is given.
    """

    tokens: int
    rate: float
    compressor_speed: float
    overhead_seconds: float = 0.0
    llm_speed: float | None = None
    other_seconds: float = 0.0
    llm_price: float | None = None
    machine_price: float = 0.0
    chunk_tokens: int = 150

    def __post_init__(self) -> None:
        if self.llm_speed is None and self.llm_price is None:
            raise ConfigurationError(
                "Say how fast the LLM reads (--llm-tokens-per-second, or llm_speed= in Python) or what its input costs "
                "(--llm-price, llm_price=); without either nothing pays."
            )
        for name in ("tokens", "compressor_speed", "llm_speed", "chunk_tokens"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise ConfigurationError(f"{name} must be above 0, not {value!r}.")
        for name in ("overhead_seconds", "other_seconds", "llm_price", "machine_price"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value >= 0):
                raise ConfigurationError(f"{name} must be at least 0, not {value!r}.")
        if not 0 <= self.rate <= 1:
            raise ConfigurationError(f"rate is the share to keep, from 0 to 1; got {self.rate!r}.")

    @property
    def removed(self) -> float:
        """The share of the tokens that the LLM need not read."""
        return 1.0 - self.rate

    def compression_seconds(self, tokens: float) -> float:
        """Time to compress a request of so many tokens."""
        return self.overhead_seconds + tokens / self.compressor_speed

    def seconds(self, tokens: float) -> dict[str, float] | None:
        """Time of a request without and with compression, what is saved, and its share of the whole request."""
        if self.llm_speed is None:
            return None
        reading = tokens / self.llm_speed
        without = reading + self.other_seconds
        compressing = self.compression_seconds(tokens)
        saved = self.removed * reading - compressing
        return {
            "without": without,
            "compression": compressing,
            "llm_input": self.rate * reading,
            "with": without - saved,
            "saved": saved,
            "saved_share": saved / without,
        }

    def money(self, tokens: float) -> dict[str, float] | None:
        """Cost of a request's input without and with compression, and what is saved."""
        if self.llm_price is None:
            return None
        without = tokens * self.llm_price / 1e6
        machine = self.compression_seconds(tokens) * self.machine_price / 3600
        saved = self.removed * without - machine
        return {
            "without": without,
            "machine": machine,
            "llm_input": self.rate * without,
            "with": without - saved,
            "saved": saved,
        }

    def break_even(self) -> dict[str, dict[str, float | None] | None]:
        """Where nothing is won and nothing lost, each with the other numbers as they are; None: it never pays.

        `time` and `money` have "tokens", the length from which on it pays; and, at this case's length, "rate", the
        largest share to keep, and "compressor_speed", the slowest compressor. `time` has "llm_speed", the fastest LLM
        that still gains; `money` has "llm_price", the lowest price. `machine` compares whole machines: the requests
        in an hour from which a compressor of its own is paid for, and the most that it can take.
        """
        return {"time": self._time(), "money": self._money(), "machine": self._machine()}

    def million_chunks(self) -> dict[str, float | None]:
        """Sums over requests that hold a million chunks in all."""
        tokens = float(CHUNKS * self.chunk_tokens)
        requests = tokens / self.tokens
        time, money = self.seconds(self.tokens), self.money(self.tokens)
        return {
            "requests": requests,
            "tokens": tokens,
            "tokens_saved": self.removed * tokens,
            "compressor_hours": requests * self.compression_seconds(self.tokens) / 3600,
            "seconds_saved": None if time is None else requests * time["saved"],
            "llm_money_saved": None if money is None else requests * self.removed * money["without"],
            "machine_money": None if money is None else requests * money["machine"],
            "money_saved": None if money is None else requests * money["saved"],
        }

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values, ready for JSON."""
        return {
            "case": asdict(self),
            "request": {"seconds": self.seconds(self.tokens), "money": self.money(self.tokens)},
            "break_even": self.break_even(),
            "million_chunks": self.million_chunks(),
        }

    def _time(self) -> dict[str, float | None] | None:
        if self.llm_speed is None:
            return None
        worth = 1 / self.llm_speed  # seconds that a token not sent saves
        points = self._points(worth, 1.0)
        points["llm_speed"] = self.removed * self.tokens / self.compression_seconds(self.tokens) or None
        return points

    def _money(self) -> dict[str, float | None] | None:
        if self.llm_price is None:
            return None
        second = self.machine_price / 3600
        points = self._points(self.llm_price / 1e6, second)
        saved_tokens = self.removed * self.tokens
        spent = self.compression_seconds(self.tokens) * second
        points["llm_price"] = 1e6 * spent / saved_tokens if saved_tokens else None
        return points

    def _points(self, worth: float, second: float) -> dict[str, float | None]:
        """Break-even points, where a token not sent is worth `worth` and a second of compressing costs `second`."""
        slope = self.removed * worth - second / self.compressor_speed
        fixed = self.overhead_seconds * second
        gain = self.removed * self.tokens * worth - fixed  # before the compressor has read anything
        share = self.compression_seconds(self.tokens) * second / (self.tokens * worth) if worth else math.inf
        return {
            "tokens": fixed / slope if slope > 0 else None,
            "rate": 1 - share if share <= 1 else None,
            "compressor_speed": self.tokens * second / gain if gain > 0 else None,
        }

    def _machine(self) -> dict[str, float | None] | None:
        if self.llm_price is None or not self.machine_price:
            return None
        saved = self.removed * self.tokens * self.llm_price / 1e6
        return {
            "requests_per_hour": self.machine_price / saved if saved else None,
            "capacity_per_hour": 3600 / self.compression_seconds(self.tokens),
        }

"""The facade: a compressor that runs somewhere else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from boildown.budget import Budget, check_budget
from boildown.checks import check_query
from boildown.client.answers import Call, RemoteCompression, read_answer, write_request
from boildown.client.connections import Connections
from boildown.compressor import EmptyQuery, check_empty_query
from boildown.errors import ConfigurationError
from boildown.select.plan import Allocation, Dedupe, Order, Plan, listed
from boildown.sources import Sources
from boildown.types import Document, Unit

__all__ = ["Client"]

_PATH = "/v1/compress"
_MOST_SECONDS = 1_000_000
"""What a service takes; sockets know no much longer timeouts."""


class Client:
    """Boils documents down by asking a boildown service; it takes the place of a `Compressor` in both adapters.

    A client is a configuration: building one opens no connection, and copies and pickles carry none. It is safe to use
    from several threads and event loops. Connections are opened when first needed and kept; those of an event loop are
    closed with the loop, and `close`, `aclose` or a `with` statement close the others early.

    A request is sent again, after a pause that grows, if the service has no room (429, 503; a Retry-After header says
    how long at least) or the connection broke. What has been scored once costs the service little when it comes again.

    Args:
        url: where the service is, such as "http://localhost:8000".
        token: what the service knows its users by, if it asks for that.
        timeout: seconds to wait for an answer, and then for all of it to come; the service drops a request that takes
            longer. A nearer deadline of `boildown.runtime.requests.deadline` counts.
        retries: how often a request is sent again.
        method: how text is scored: the name of a method that the service has; None takes what the service prefers.
        model: the name of one of the service's models.
        rank: the name of a model or a method of the service by which documents are ranked.
        unit, order, allocation, spread, protect, patterns, dedupe, separator: how to cut; see `Plan`.
        min_sentence, on_empty_query: as in `Compressor`.

    Raises:
        ConfigurationError: an argument is wrong. Names that only the service knows are checked when it is asked.
        MissingExtraError: httpx is not installed.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        timeout: float = 60.0,
        retries: int = 4,
        method: str | None = None,
        model: str | None = None,
        rank: str | None = None,
        unit: Unit | None = None,
        order: Order = "original",
        allocation: Allocation = "global",
        spread: float = 0.25,
        protect: Iterable[str] | None = None,
        patterns: Iterable[str] = (),
        dedupe: Dedupe | None = "long",
        separator: str = "\n\n",
        min_sentence: int = 3,
        on_empty_query: EmptyQuery = "passthrough",
    ) -> None:
        if not isinstance(url, str) or not re.match(r"https?://[^/]", url):
            raise ConfigurationError(f"A service's address begins with http:// or https://; got {url!r}.")
        if token is not None and not (isinstance(token, str) and re.fullmatch("[!-~]+", token)):
            raise ConfigurationError(
                "token= is empty, or has a space, a line break or a letter that no HTTP header may have."
            )
        if not isinstance(timeout, (int, float)) or not 0 < timeout <= _MOST_SECONDS:
            raise ConfigurationError(f"timeout= is a number of seconds above 0, up to a million, not {timeout!r}.")
        if not isinstance(retries, int) or retries < 0:
            raise ConfigurationError(f"retries= is how often a request is sent again, from 0 on; got {retries!r}.")
        self.plan = Plan(
            unit=unit,
            order=order,
            allocation=allocation,
            spread=spread,
            protect=None if protect is None else listed("protect", protect),
            patterns=listed("patterns", patterns),
            dedupe=dedupe,
            separator=separator,
        )
        if not all(isinstance(pattern, str) for pattern in self.plan.patterns):
            raise ConfigurationError("patterns= must be strings, since a compiled pattern cannot be sent.")
        self._settings: dict[str, Any] = {
            "method": method,
            "model": model,
            "rank": rank,
            "min_sentence": min_sentence,
            "on_empty_query": check_empty_query(on_empty_query),
        }
        try:
            json.dumps({**asdict(self.plan), **self._settings}, ensure_ascii=False, allow_nan=False).encode()
        except (TypeError, ValueError) as error:  # half of a surrogate pair, for one, has no UTF-8
            raise ConfigurationError(f"A setting cannot be sent as JSON: {error}.") from None
        headers = {"Content-Type": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        self._connections = Connections(url.rstrip("/"), headers, timeout, retries)

    def __repr__(self) -> str:
        return f"Client({self._connections.shown!r})"

    def compress(self, query: str, documents: Iterable[str | Document], budget: Budget) -> RemoteCompression:
        """Keeps what the query needs of the documents.

        Ids and metadata are not sent, except for scores that were stored at ingest.

        Args:
            query: the question, in the user's words.
            documents: strings or `Document`s; they are not changed.
            budget: how much to keep; its counter must be None or the name of one that the service has.

        Returns:
            What `Compressor.compress` would give. Its `rebudget` asks the service once more.

        Raises:
            InputError: the query or a document cannot be used, or there is more than the service takes.
            ConfigurationError: the service does not know a name, or a setting is wrong.
            DeadlineError: there was no answer in time.
            OverloadedError: the service had no room, however often it was asked.
            ServiceError: the service cannot be reached, wants a token, or failed.
        """
        return self._again(_checked(query, documents, budget, self.plan))

    async def acompress(self, query: str, documents: Iterable[str | Document], budget: Budget) -> RemoteCompression:
        """`compress` without blocking the event loop."""
        call = _checked(query, documents, budget, self.plan)
        answer = await self._connections.apost(_PATH, write_request(call, self._settings))
        return read_answer(answer, call, self._again)

    def close(self) -> None:
        """Closes the connections of threads, each when its request has ended. The next call opens new ones."""
        self._connections.close()

    async def aclose(self) -> None:
        """Closes the connections of this event loop and of threads. The next call opens new ones."""
        await self._connections.aclose()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.aclose()

    def _again(self, call: Call) -> RemoteCompression:
        """Asks for a first result, or for one that is cut again."""
        answer = self._connections.post(_PATH, write_request(call, self._settings))
        return read_answer(answer, call, self._again)


def _checked(query: str, documents: Iterable[str | Document], budget: Budget, plan: Plan) -> Call:
    return Call(check_query(query), Sources(documents), check_budget(budget), plan)

"""Whether a service takes requests: it loads, serves, drains, or has failed to load."""

from __future__ import annotations

from dataclasses import dataclass

from boildown.service.errors import Refusal

__all__ = ["State"]


@dataclass(slots=True)
class State:
    """Written by the application and its server, on the event loop's thread.

    Attributes:
        loaded: the models are in memory.
        draining: the service is about to end, and should get no new work; what comes all the same is answered.
        failure: why the models could not be loaded.
    """

    loaded: bool = False
    draining: bool = False
    failure: Exception | None = None

    def check_loaded(self) -> None:
        """Refuses work until the models are there.

        Raises:
            Refusal: with 503.
        """
        if not self.loaded:
            said = "The models are being loaded." if self.failure is None else "The models could not be loaded."
            raise Refusal(503, "not_ready", said, retry_after=1.0)

    def check_ready(self) -> None:
        """Tells a load balancer whether to send work.

        Raises:
            Refusal: with 503.
        """
        if self.draining:
            raise Refusal(503, "draining", "The service is about to end.", retry_after=1.0)
        self.check_loaded()

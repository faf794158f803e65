"""The same application as replicas on a Ray cluster, which grow and shrink with the load.

    serve run boildown.service.ray_app:build
    serve run boildown.service.ray_app:build device=cuda
    serve deploy examples/deploy/ray_serve.yaml

Ray Serve spreads requests over replicas. It batches nothing: the scheduler inside a replica packs the texts of all its
waiting requests into forwards by a budget of tokens, which knows more than a batch by count of requests could. So a
replica is given many requests at once, and another one is started when more wait than keep its model busy.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from boildown.errors import ConfigurationError, MissingExtraError, unknown_name
from boildown.service.settings import Limits, Settings, read_tokens

__all__ = ["build"]

_BUSY = 16
"""Requests under way in a replica that keep its model busy; more start another replica."""
_PAUSE = 0.02


def build(arguments: Mapping[str, Any]) -> Any:
    """The Ray Serve application. Its deployment is called "boildown", for options in a Serve config file.

    Args:
        arguments: fields of `Settings` by name, `limits` among them with fields of `Limits`; and `token_file`, the path
            of a file with bearer tokens. It and BOILDOWN_TOKENS are read here: by `serve run`, or for `serve deploy` on
            the cluster; the replicas get them with the rest.

    Returns:
        What `serve.run` takes.

    Raises:
        ConfigurationError: an argument is unknown or wrong.
        MissingExtraError: Ray is not installed.
    """
    try:
        from ray import serve
    except ImportError:
        raise MissingExtraError("ray", "ray", "A service on a cluster") from None
    given = dict(arguments)
    token_file = given.pop("token_file", None)
    limits = Limits(**_known(given.pop("limits", {}), Limits, "limit"))
    settings = Settings(**_known(given, Settings, "setting"), limits=limits)
    if tokens := read_tokens(token_file, os.environ):
        settings = replace(settings, tokens=tokens)

    def application() -> Any:
        from boildown.service.app import create_app

        return create_app(settings)

    class Replica:
        """One process with one engine."""

        app: Any

        async def check_health(self) -> None:
            """Returns when the models are loaded, so that no requests come before, and raises if they cannot be."""
            state = self.app.state.service
            while not state.loaded and state.failure is None:
                await asyncio.sleep(_PAUSE)
            if state.failure is not None:
                raise state.failure

    deployment = serve.deployment(
        name="boildown",
        autoscaling_config={"min_replicas": 1, "max_replicas": 8, "target_ongoing_requests": _BUSY},
        ray_actor_options={"num_cpus": 2},
        # What the replica's own bounded queue refuses, it refuses with 429. Beyond that Serve itself answers 503.
        max_ongoing_requests=limits.queue,
        max_queued_requests=limits.queue,
        health_check_timeout_s=60,
        graceful_shutdown_timeout_s=limits.timeout + 5,
    )
    return deployment(serve.ingress(application)(Replica)).bind()


def _known(given: Any, kind: type, what: str) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        raise ConfigurationError(f"The {what}s must be given by name, not as {given!r}.")
    names = {field.name for field in fields(kind)}
    for name in given:
        if name not in names:
            raise unknown_name(what, name, names)
    return dict(given)

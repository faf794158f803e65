"""The boildown.json of a `prune` checkpoint."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from boildown.errors import ModelError

__all__ = ["read_settings"]

_SHORTEST = 16
"""Tokens; a smaller window has no room for a question, a document and what stands between them."""


def read_settings(folder: Path) -> dict[str, Any]:
    """What boildown.json says; the weights of its mix are checked where they are used.

    Raises:
        ModelError: it is missing, damaged or of another format, or a value is of the wrong type.
    """
    path = folder / "boildown.json"
    if not path.is_file():
        raise ModelError(
            f"{folder} has no boildown.json, so it is no prune model. For a token classifier use "
            'method="llmlingua2"; to make a prune model of an encoder, see `boildown train --help`.'
        )
    try:
        settings = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise ModelError(f"{path} cannot be read: {error}.") from error
    if not isinstance(settings, dict):
        raise ModelError(f"{path} holds no JSON object.")
    if settings.get("format") != 1:
        raise ModelError(f"{path} has format {settings.get('format')!r}; this version of boildown reads format 1.")
    for name, least in (("max_length", _SHORTEST), ("max_query", 1)):
        tokens = settings.get(name, least)
        if type(tokens) is not int or tokens < least:
            raise _wrong(path, name, tokens, f"a whole number of tokens, at least {least}")
    if not isinstance(settings.get("mix", {}), dict):
        raise _wrong(path, "mix", settings["mix"], "a JSON object")
    for name in ("languages", "scripts"):
        names = settings.get(name, [])
        if not isinstance(names, list) or not all(isinstance(one, str) for one in names):
            raise _wrong(path, name, names, "a list of names")
    _check_calibration(path, settings.get("calibration", {}))
    return settings


def _check_calibration(path: Path, calibration: Any) -> None:
    if not isinstance(calibration, dict):
        raise _wrong(path, "calibration", calibration, "a JSON object with keep and relevance")
    for head in ("keep", "relevance"):
        fitted = calibration.get(head, {})
        if not isinstance(fitted, dict):
            raise _wrong(path, f"calibration.{head}", fitted, "a JSON object with temperature and bias")
        for name, least in (("temperature", 0.0), ("bias", -math.inf)):
            value = fitted.get(name, 1.0)
            if type(value) not in (int, float) or not least < value < math.inf:
                kind = "a number above 0" if name == "temperature" else "a number"
                raise _wrong(path, f"calibration.{head}.{name}", value, kind)


def _wrong(path: Path, key: str, value: Any, wanted: str) -> ModelError:
    return ModelError(
        f"{path} has {key} {value!r}; it must be {wanted}. `boildown train` writes the file: put its own back."
    )

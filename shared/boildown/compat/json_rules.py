"""The rules for single keys of `compress_json`."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from boildown.errors import ConfigurationError

__all__ = ["read_rules"]


def read_rules(config: str | Mapping[str, Mapping[str, Any]] | None) -> Mapping[str, Mapping[str, Any]]:
    """The rules by key, from a dictionary or a YAML file.

    Raises:
        ConfigurationError: they cannot be read, or are no rules.
    """
    if config is None:
        return {}
    rules: Any = config
    if isinstance(config, str):
        yaml = import_module("yaml")  # which comes with transformers
        try:
            rules = yaml.safe_load(Path(config).read_text(encoding="utf-8"))
        except (OSError, ValueError, yaml.YAMLError) as error:  # ValueError: it is not UTF-8
            raise ConfigurationError(f"json_config={config!r} cannot be read: {error}") from error
    if not isinstance(rules, Mapping) or not all(
        isinstance(key, str) and isinstance(rule, Mapping) for key, rule in rules.items()
    ):
        raise ConfigurationError("json_config must map keys to rules such as {'rate': 0.5, 'compress': True}.")
    return rules

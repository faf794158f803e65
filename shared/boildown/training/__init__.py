"""The recipe that made the bundled model, for anyone's own data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .config import TrainConfig

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["TrainConfig", "train"]


def train(config: TrainConfig) -> Path:
    """Trains a model; see :func:`boildown.training.loop.train`."""
    from .loop import train as run

    return run(config)

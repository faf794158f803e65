from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from boildown.errors import ConfigurationError
from boildown.training import TrainConfig
from boildown.training.command import add_arguments, run


def main(arguments: list[str]) -> int:
    """`boildown train`, with errors raised instead of printed."""
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return run(parser.parse_args(arguments))


def test_the_command_trains(config: TrainConfig, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [str(config.data[0]), "--output", str(config.output), "--base", config.base]
    arguments += ["--steps", "2", "--max-length", "224", "--device", "cpu", "--weight", "islands=2"]
    assert main([*arguments, "--exclude", "dairies"]) == 0
    meta = json.loads((Path(config.output) / "boildown.json").read_text())
    assert meta["revision"][:12] in capsys.readouterr().out
    assert "dairies" not in (config.output / "README.md").read_text()


@pytest.mark.parametrize("weights", [["islands"], ["islands=often"], ["islands=1", "islands=2"]])
def test_a_source_has_one_weight_which_is_a_number(config: TrainConfig, weights: list[str]) -> None:
    arguments = [str(config.data[0]), "--output", str(config.output), "--base", config.base]
    with pytest.raises(ConfigurationError, match="--weight"):
        main([*arguments, *(f"--weight={weight}" for weight in weights)])

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pytest

from boildown.errors import ConfigurationError
from boildown.training import TrainConfig, train
from boildown.training.command import add_arguments, config_from, run


def main(arguments: list[str]) -> int:
    """`boildown train`, with errors raised instead of printed."""
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return run(parser.parse_args(arguments))


def test_the_command_trains(config: TrainConfig, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [str(config.data[0]), "--output", str(config.output), "--base", config.base]
    arguments += ["--steps", "2", "--max-length", "224", "--device", "cpu", "--weight", "islands=2"]
    assert main([*arguments, "--exclude", "dairies"]) == 0
    assert f"Its card: {config.output / 'README.md'}" in capsys.readouterr().out
    assert "dairies" not in (config.output / "README.md").read_text()


def test_a_terminal_sees_how_far_it_is(
    config: TrainConfig, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    train(config)
    assert f"{config.steps}/{config.steps}" in capsys.readouterr().err


def test_the_bundled_model_goes_by_its_name(config: TrainConfig) -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    found = config_from(parser.parse_args([str(config.data[0]), "--output", "mine"]))
    assert (Path(found.base) / "model.safetensors").is_file()
    assert found.base_name == "prune-minilm"


@pytest.mark.parametrize("weights", [["islands"], ["islands=often"], ["islands=1", "islands=2"]])
def test_a_source_has_one_weight_which_is_a_number(config: TrainConfig, weights: list[str]) -> None:
    arguments = [str(config.data[0]), "--output", str(config.output), "--base", config.base]
    with pytest.raises(ConfigurationError, match="--weight"):
        main([*arguments, *(f"--weight={weight}" for weight in weights)])

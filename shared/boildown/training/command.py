"""``boildown train``: the command line of the recipe."""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path

from boildown.errors import ConfigurationError
from boildown.pairs import read_pairs

from .config import TrainConfig

_EXAMPLES = """\
examples:
  boildown train pairs.jsonl --output my-model
  boildown train pairs.jsonl.gz more.jsonl --base answerdotai/ModernBERT-base --output my-model --steps 5000

A record is one question with one passage; records of one question share its qid:
  {"id", "qid", "question", "title", "passage", "answers": [{"text", "start"}], "evidence": [{"text", "start"}],
   "relevant": true or false, "lang", "source"}
"start" counts characters of the passage. Irrelevant passages have no answers and no evidence.
"""

_HELP = {
    "steps": "optimizer steps; may be changed when a run is resumed",
    "questions_per_step": "questions per step, each with its passages",
    "learning_rate": "peak learning rate",
    "negatives": "irrelevant passages per question",
    "composed": "two-step questions to make of English passages about films and people",
    "altered": "questions to alter so that their passage no longer answers them",
    "cloze": "queries of several sentences to take out of the passages that they belong to",
    "unanswerable": "share of the questions whose passage also comes without its answer, as irrelevant",
    "max_length": "tokens of one input",
    "seed": "seed of everything that is random",
    "workers": "bundles computed side by side on a CPU",
    "save_every": "steps between two resume states",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of ``boildown train`` to a parser."""
    parser.description = "Trains a model that reads a query with each document, for the method prune."
    parser.epilog = _EXAMPLES
    default = {f.name: f.default for f in fields(TrainConfig)}
    parser.add_argument("data", nargs="+", type=Path, help="training records, JSONL or JSONL.GZ")
    add = parser.add_argument
    add("--output", type=Path, required=True, help="folder of the checkpoint; an interrupted run goes on")
    add("--base", help="a Hugging Face encoder or a boildown model (default: the bundled one)")
    add("--base-name", default="", help="how the model card calls the base")
    for name, text in _HELP.items():
        value = default[name]
        option = "--" + name.replace("_", "-")
        add(option, type=type(value), default=value, help=f"{text} (default: {value})")
    add("--teacher", default="", help="a sentence embedding model whose ranking of passages the relevance follows too")
    add("--device", default="auto", help="auto, cpu, cuda ... (default: auto)")
    add("--weight", action="append", default=[], metavar="SOURCE=W", help="how often a source is drawn")
    add("--exclude", action="append", default=[], metavar="SOURCE", help="a source to leave out")
    add("--language", action="append", default=[], help="a language to use (default: all)")
    add("--licence", action="append", default=[], metavar="SOURCE=TEXT", help="for the model card")
    add("--on-error", choices=("raise", "skip"), default="raise", help="what a broken line does")


def config_from(arguments: argparse.Namespace) -> TrainConfig:
    """The settings that the parsed arguments ask for."""
    from boildown.methods.prune import BUNDLED, bundled_folder

    weights = {}
    for source, value in read_pairs(arguments.weight, "--weight").items():
        try:
            weights[source] = float(value)
        except ValueError:
            raise ConfigurationError(f"--weight {source} needs a number, not {value!r}.") from None
    # By its name, since the folder of an installed package says nothing in a card that others read.
    bundled = arguments.base is None
    return TrainConfig(
        data=arguments.data,
        output=arguments.output,
        base=bundled_folder() if bundled else arguments.base,
        base_name=arguments.base_name or (BUNDLED if bundled else ""),
        teacher=arguments.teacher,
        device=arguments.device,
        source_weights=weights,
        exclude_sources=arguments.exclude,
        languages=arguments.language,
        licences=read_pairs(arguments.licence, "--licence"),
        on_error=arguments.on_error,
        **{name: getattr(arguments, name) for name in _HELP},
    )


def run(arguments: argparse.Namespace) -> int:
    """Trains as the parsed arguments say and prints where the model lies."""
    from .loop import train

    config = config_from(arguments)
    folder = train(config)
    print(f"{folder} is for --model, or Compressor(model=...) in Python. Its card: {folder / 'README.md'}")
    skipped = folder / "skipped.txt"
    if skipped.exists():
        print(f"{len(skipped.read_text(encoding='utf-8').splitlines())} broken lines skipped, see {skipped}")
    return 0

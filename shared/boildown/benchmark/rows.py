"""The rows of the comparison: what each one measures, on what, and what it is to reach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from boildown.errors import ConfigurationError, unknown_name

__all__ = ["ROWS", "Row", "Task", "choose_rows", "file_name", "listing"]


@dataclass(frozen=True)
class Row:
    """One measurement.

    Attributes:
        what: in words.
        model: a key of `boildown.benchmark.models.SIZES`; empty for the bundled one.
        task: of `boildown.benchmark.systems.build`, or a key of `boildown.benchmark.processes.ALONE`.
        documents, tokens: documents of a request, and tokens of each, on average.
        spread: tokens that the shortest and the longest document are away from the average.
        goals: the ratio that each system is to reach over `base`, or what a number is to be.
        base: the package that the systems are compared with, where it is installed.
        cpu: only a CPU can do it.
        gpu: too much for a CPU, where --all leaves it out.
    """

    what: str
    model: str
    task: str
    documents: int = 20
    tokens: int = 150
    spread: int = 0
    goals: dict[str, Any] = field(default_factory=dict)
    base: str = "llmlingua"
    cpu: bool = False
    gpu: bool = False


BERT, XLMR, GPT2, QWEN = "bert-base-multilingual-cased", "xlm-roberta-large", "gpt2", "qwen2-0.5b"
ROWS: dict[str, Row] = {
    "llmlingua2-bert": Row(
        "LLMLingua-2, 20 documents", BERT, "classify", goals={"auto": 15, "float32": 8, "int8": None}
    ),
    "llmlingua2-xlmr": Row(
        "LLMLingua-2, 20 documents", XLMR, "classify", goals={"auto": 18, "float32": 9, "int8": None}
    ),
    "llmlingua2-long": Row("LLMLingua-2, one long text", BERT, "classify", 1, 8192, goals={"auto": 4.5}),
    "llmlingua2-100k": Row("LLMLingua-2, 100,000 tokens", XLMR, "classify", 667, goals={"auto": 20}, gpu=True),
    "rank-gpt2": Row("LongLLMLingua's ranking", GPT2, "rank", goals={"auto": 6}),
    "rank-qwen": Row("LongLLMLingua's ranking, 152k vocabulary", QWEN, "rank", goals={"auto": 6, "memory": 0.2}),
    "prompt-gpt2": Row("LLMLingua", GPT2, "prompt", 16, goals={"exact": 2.5, "auto": 6}),
    "question-gpt2": Row("LongLLMLingua, contrastive", GPT2, "question", goals={"exact": None, "auto": None}),
    "rerank-minilm": Row(
        "a cross-encoder's ranking, 40 to 260 tokens",
        "minilm-l6-cross-encoder",
        "rerank",
        spread=110,
        goals={"auto": None, "float32": None, "int8": None},
        base="sentence-transformers",
    ),
    "embed-minilm": Row(
        "embeddings of sentences",
        "minilm-l6-encoder",
        "embed",
        goals={"auto": None, "float32": None, "int8": None},
        base="sentence-transformers",
    ),
    "bundled": Row("the bundled model", "", "bundled", goals={"p50_ms": 105, "p95_ms": 125, "outside_model": 0.05}),
    "bundled-int8": Row(
        "the bundled model in int8", "", "int8", goals={"int8_times_float32": 1.4, "flips_int8": 0.05}, cpu=True
    ),
    "gemm-bert": Row("the encoder's forward", BERT, "gemm", goals={"share": 0.8}),
    "gemm-xlmr": Row("the encoder's forward", XLMR, "gemm", goals={"share": 0.8}),
    "gemm-minilm": Row("the encoder's forward", "minilm-l6-encoder", "gemm"),
    "linear": Row("time against documents", "", "linear", 10_000, goals={"worst_deviation": 0.1}),
    "cold": Row("a new process", "", "cold", 2, 40, goals={"first_result_seconds": 1.0, "import_seconds": 0.15}),
    "concurrency": Row(
        "64 requests at once, and an event loop beside 50",
        "",
        "concurrency",
        10,
        70,
        goals={"times_one_core": 1.9, "late_ms": 50},
    ),
    "cached": Row("a second query over documents that are cached", "", "cached", goals={"p50_ms": 3.0}),
}
"""All rows, by name."""


@dataclass(frozen=True)
class Task:
    """What a process of its own is asked to do for a row.

    Attributes:
        name: a key of `ROWS`.
        models: the folder of models.
        device: a name that `boildown.runtime.devices.pick_device` gives.
        repeat: rounds.
        tiny: small models and texts instead, to see whether it runs.
        mode: "make" the model; "time"; or measure "memory".
        only: the one system whose memory is measured.
    """

    name: str
    models: str
    device: str
    repeat: int = 1
    tiny: bool = False
    mode: str = "time"
    only: str = ""

    @property
    def row(self) -> Row:
        return ROWS[self.name]

    @property
    def folder(self) -> Path:
        """The model's."""
        return Path(self.models) / (f"{self.row.model}-tiny" if self.tiny else self.row.model)

    @property
    def lengths(self) -> list[int]:
        """Tokens of each document. Where they differ, short and long ones are mixed."""
        documents, tokens = self.row.documents, self.row.tokens
        if self.tiny:
            documents, tokens = min(documents, 4), 40 if documents > 1 else 700
        spread = self.row.spread * tokens // self.row.tokens
        places = [7 * i % documents / max(documents - 1, 1) for i in range(documents)]
        return [tokens + round(spread * (2 * place - 1)) for place in places]


def choose_rows(names: Sequence[str], device: str) -> list[str]:
    """The rows of these names; if there are none, all that the device can do.

    Raises:
        ConfigurationError: a row does not exist, or is for CPUs only.
    """
    if not names:
        return [name for name, row in ROWS.items() if not (row.gpu if device == "cpu" else row.cpu)]
    for name in names:
        if name not in ROWS:
            raise unknown_name("row", name, ROWS)
        if ROWS[name].cpu and device != "cpu":
            raise ConfigurationError(f"The row {name!r} is for CPUs, not for {device!r}. Add --device cpu.")
    return list(dict.fromkeys(names))


def file_name(name: str) -> str:
    """The file of a row's result."""
    return f"{name}.json" if name in ("concurrency", "cached") else f"speed_{name}.json"


def listing() -> str:
    """All rows with their goals, one a line."""
    lines = []
    for name, row in ROWS.items():
        goals = ", ".join(f"{key} {goal:g}" for key, goal in row.goals.items() if goal is not None)
        size = f"{row.documents:,} x {row.tokens:,} tokens"
        lines.append(f"{name:16} {row.what}; {row.model or 'bundled model'}; {size}; goals: {goals or 'none'}")
    return "\n".join(lines)

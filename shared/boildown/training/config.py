"""Settings of one training run."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

from boildown.errors import ConfigurationError

_ENDLESS = sys.float_info.max
_RANGES = (
    (("steps", "questions_per_step", "negatives", "save_every", "log_every", "micro_tokens", "workers"), 1, _ENDLESS),
    (("max_query",), 1, _ENDLESS),
    (("warmup", "composed", "altered", "cloze", "calibration_questions", "calibration_documents"), 0, _ENDLESS),
    (("learning_rate", "weight_decay", "clip", "relevance_weight", "teacher_weight"), 0, _ENDLESS),
    (("decay", "long_window", "crop", "second_round", "second_round_multi", "bridge", "unanswerable"), 0, 1),
)
"""Settings with the least and the most that each may be; not-a-number is in no range."""


@dataclass
class TrainConfig:
    """Everything that decides the outcome of a run.

    Attributes:
        data: JSONL or JSONL.GZ files in the record format of ``boildown.training.data``.
        output: folder for the checkpoint, the model card, the log, the curve and the resume state.
        base: folder (or hub name) of any Hugging Face encoder with a fast tokenizer; or a boildown
            checkpoint, which is trained further with its heads.
        base_name: how the model card calls the base.
        steps: optimizer steps. May be raised on resume, or lowered as far as the run has come: only the rate
            depends on it.
        questions_per_step: questions in one step; each brings its passages (about four) along.
        learning_rate: peak rate of AdamW, after ``warmup`` steps or a tenth of all, whichever are fewer; the last
            ``decay`` share of the steps brings it linearly to zero.
        max_length: tokens of one input, special tokens included.
        max_query: tokens of the query at most.
        negatives: irrelevant passages per question: half as given, half mined by BM25.
        source_weights: how often a source is drawn relative to its number of questions (default 1).
        exclude_sources: sources that are left out.
        languages: languages that are used; empty means all.
        long_window: share of questions whose passages are merged into one long document.
        crop: share of passages that are cropped around what they hold.
        second_round: share of questions whose query carries a sentence found in a first round; for
            questions with several relevant passages ``second_round_multi``.
        bridge: share of the questions that name their passage's title in which a pronoun takes its
            place and a sentence of another passage that names the title is added to the query: made
            second rounds of a two-hop question.
        composed: questions in two steps that are made of the English data; see ``training.compose``.
        altered: questions that the English data is altered into so that no passage answers them; see
            ``training.alter``.
        cloze: queries of several sentences that are taken out of the English passages; see ``training.cloze``.
        unanswerable: share of the questions with one relevant passage that get this passage without
            its gold sentences as one more irrelevant one: on the topic, but without the answer.
        relevance_weight: weight of the document losses beside the sentence losses.
        teacher: folder (or hub name) of a sentence embedding model whose ranking of a question's passages
            the relevance follows as well; empty for none.
        teacher_weight: weight of the loss by the teacher.
        freeze_word_embeddings: keeps the word embeddings, half of a small model, as they are.
        micro_tokens: tokens of one forward pass, padding included.
        calibration_questions: held-out questions of each source for the calibration.
        calibration_documents: documents that compete in a calibration pool.
        licences: licence of each source, for the model card.
        on_error: ``"raise"`` or ``"skip"`` for a broken line.
        device: ``"auto"``, ``"cpu"``, ``"cuda"`` ...
        workers: bundles computed side by side on a CPU, whose threads they share; a step has two.
        save_every: steps between two resume states.
        log_every: steps between two log entries.
    """

    data: list[Path] = field(default_factory=list)
    output: Path = Path("boildown-model")
    base: str = ""
    base_name: str = ""
    seed: int = 13
    steps: int = 2500
    questions_per_step: int = 8
    learning_rate: float = 1.5e-4
    warmup: int = 100
    decay: float = 0.4
    weight_decay: float = 0.01
    clip: float = 1.0
    max_length: int = 512
    max_query: int = 128
    negatives: int = 3
    source_weights: dict[str, float] = field(default_factory=dict)
    exclude_sources: list[str] = field(default_factory=list)
    languages: list[str] = field(default_factory=list)
    long_window: float = 0.15
    crop: float = 0.25
    second_round: float = 0.1
    second_round_multi: float = 0.5
    bridge: float = 0.8
    composed: int = 0
    altered: int = 0
    cloze: int = 0
    unanswerable: float = 0.0
    relevance_weight: float = 0.3
    teacher: str = ""
    teacher_weight: float = 0.5
    freeze_word_embeddings: bool = True
    micro_tokens: int = 1000
    calibration_questions: int = 60
    calibration_documents: int = 10
    licences: dict[str, str] = field(default_factory=dict)
    device: str = "auto"
    workers: int = 2
    on_error: str = "raise"
    save_every: int = 100
    log_every: int = 10

    def __post_init__(self) -> None:
        self.output = Path(self.output).expanduser()
        self.base, self.teacher = os.path.expanduser(self.base), os.path.expanduser(self.teacher)

    def fingerprint(self) -> str:
        """Hash of the settings that a resumed run must share with the one it resumes."""
        free = {"output", "base_name", "licences", "steps", "decay", "save_every", "log_every"}
        free |= {"workers", "device", "micro_tokens", "calibration_questions", "calibration_documents"}
        same = {k: str(v) for k, v in sorted(asdict(self).items()) if k not in free}
        return hashlib.sha256(json.dumps(same).encode()).hexdigest()[:16]

    def check(self) -> None:
        """Raises ``ConfigurationError`` for settings that cannot work."""
        for name in ("data", "exclude_sources", "languages"):
            value = getattr(self, name)
            if isinstance(value, (str, Path)):
                raise ConfigurationError(f"{name} takes a list; write {name}=[{str(value)!r}].")
        if not self.data:
            raise ConfigurationError("No training data. Name at least one JSONL or JSONL.GZ file.")
        for path in self.data:
            if not Path(path).is_file():
                raise ConfigurationError(f"There is no training file {str(path)!r}.")
        if not self.base:
            raise ConfigurationError("No base model. Name a folder that holds a Hugging Face encoder.")
        if self.on_error not in ("raise", "skip"):
            raise ConfigurationError(f"on_error is 'raise' or 'skip', not {self.on_error!r}.")
        if self.output.exists() and not self.output.is_dir():
            raise ConfigurationError(f"The output {str(self.output)!r} is a file. Name a folder.")
        if self.output.is_dir() and any(self.output.iterdir()):
            if self.output.resolve() == Path(self.base).resolve():
                raise ConfigurationError(f"The output {str(self.output)!r} is the base. Name another folder.")
            if not any((self.output / name).exists() for name in ("state.pt", "log.jsonl")):
                raise ConfigurationError(
                    f"The output {str(self.output)!r} holds files that are not from a training run. Name a new or an "
                    "empty folder."
                )
        for names, least, most in _RANGES:
            for name in names:
                if not least <= getattr(self, name) <= most:
                    end = f" and at most {most}" if most < _ENDLESS else ""
                    raise ConfigurationError(f"{name} must be at least {least}{end}, not {getattr(self, name)}.")
        for source, weight in self.source_weights.items():
            if not 0 <= weight <= _ENDLESS:
                raise ConfigurationError(f"The weight of {source!r} must be at least 0, not {weight}.")
        least = self.max_query + 64 + 16
        if least > self.max_length:
            raise ConfigurationError(
                f"max_length={self.max_length} leaves no room for a passage beside a query of "
                f"max_query={self.max_query} tokens and a title of 64. Take {least} or more."
            )

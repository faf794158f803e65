"""One optimizer step: fp32 master weights, a compute copy in bf16, bundles side by side."""

from __future__ import annotations

import copy
import hashlib
import os
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from boildown.errors import ConfigurationError, InputError
from boildown.runtime.devices import cast_parameters, pick_device, pick_dtype
from boildown.text.sentences import split_sentences

from .alter import alter
from .batches import Bundle, Encoder, QuestionStream, balance, make_bundle
from .cloze import cloze
from .compose import compose
from .config import TrainConfig
from .data import Question, held_out, read_questions
from .examples import ExampleBuilder
from .losses import bundle_loss
from .model import PruneModel, load_encoder, load_heads, load_tokenizer
from .negatives import NegativeMiner
from .teacher import Teacher

_BUNDLES = 2
"""Of a step, so that two workers can share it."""


def rate_at(config: TrainConfig, step: int) -> float:
    """Learning rate of a step: warm-up, plateau, linear decay to zero."""
    decay_steps = max(1, round(config.steps * config.decay))
    up = min(1.0, (step + 1) / max(1, min(config.warmup, config.steps // 10)))
    down = min(1.0, (config.steps - step) / decay_steps)
    return config.learning_rate * min(up, down)


class Trainer:
    """Master weights in fp32, a compute copy in bf16 where that is fast, AdamW.

    Bundles of one step run side by side; their gradients are added in order, in fp32, so the result
    does not depend on the number of workers.
    """

    def __init__(self, config: TrainConfig) -> None:
        self.config = config
        name = config.device
        if name == "auto":
            name = "cuda" if torch.cuda.is_available() else "cpu"
        self.device = pick_device(name)
        # First, since faults of the data are the likeliest, and a model takes long to load.
        self._read_data()
        torch.manual_seed(config.seed)
        self.model = PruneModel(load_encoder(config.base)).to(self.device).train()
        load_heads(self.model, config.base)
        self.tokenizer = load_tokenizer(config.base)
        room = self.model.positions
        if config.max_length > room:
            raise ConfigurationError(
                f"max_length={config.max_length}, but {config.base!r} has room for {room} tokens only."
            )
        if config.freeze_word_embeddings:
            self.model.encoder.get_input_embeddings().weight.requires_grad_(False)
        fastest = pick_dtype("auto", self.device)
        dtype = torch.bfloat16 if fastest == torch.bfloat16 else torch.float32  # fp16 would lose small gradients
        self.compute = self.model
        if dtype != torch.float32:
            self.compute = copy.deepcopy(self.model)
            cast_parameters(self.compute, dtype)
        self.master = [p for p in self.model.parameters() if p.requires_grad]
        self.working = [p for p in self.compute.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(
            [
                {"params": [p for p in self.master if p.dim() > 1], "weight_decay": config.weight_decay},
                {"params": [p for p in self.master if p.dim() < 2], "weight_decay": 0.0},
            ],
            lr=config.learning_rate,
            fused=True,
        )
        self.step = 0
        self.builder = ExampleBuilder(config, NegativeMiner(self.questions), split_sentences)
        self.encoder = Encoder(self.tokenizer, config)
        self.teacher = Teacher(config.teacher, self.device, dtype) if config.teacher else None
        self.workers = min(config.workers, _BUNDLES) if self.device.type == "cpu" else 1

    def _read_data(self) -> None:
        """Questions to train on, as given and as made of them, those held out, and the order of training."""
        config = self.config
        questions, self.broken = read_questions(config.data, config.on_error, config.exclude_sources, config.languages)
        content = hashlib.blake2b(digest_size=12)
        for question in questions:
            content.update(repr(question).encode())
        self.content = content.hexdigest()
        self.given = [q for q in questions if not held_out(q.qid)]
        self.held_out = [q for q in questions if held_out(q.qid)]
        self.questions = list(self.given)
        english = [q for q in self.given if q.lang in ("en", "")]
        if config.composed:
            self.questions += compose(english, config.composed, split_sentences, config.seed)
        self.questions += alter(english, config.altered, config.seed)
        self.questions += cloze(english, config.cloze, split_sentences, config.seed)
        if not any(q.positives for q in self.questions):
            raise InputError(
                "The training data holds no relevant passage. Check the files, and what --exclude and --language (in "
                "Python exclude_sources and languages) leave of them."
            )
        self.stream = QuestionStream(self.questions, config.source_weights, config.seed)

    def bundles(self, batch: Iterable[Question], step: int) -> list[Bundle]:
        """Builds and encodes the bundles of one step."""
        groups = []
        for place, question in enumerate(batch):
            rng = random.Random(f"{self.config.seed}/{step}/{place}")
            examples = self.builder.build(question, rng)
            encoded = self.encoder.encode(examples, rng)
            if self.teacher is not None:
                texts = [f"{e.title}. {e.text}" if e.title else e.text for e in examples]
                for item, cosine in zip(encoded, self.teacher.cosines(examples[0].query, texts), strict=True):
                    item.taught = float(cosine)
            groups.append(encoded)
        return [make_bundle(part, self.encoder.pad, self.config.micro_tokens) for part in balance(groups, _BUNDLES)]

    def gradients(self, bundle: Bundle) -> tuple[tuple[torch.Tensor | None, ...], dict[str, float]]:
        if self.device.type == "cpu":
            torch.set_num_threads(max(1, (os.cpu_count() or 1) // self.workers))
        bundle = bundle.to(self.device)
        relevance, keep, answer = [], [], []
        for micro in bundle.micros:
            of_passage, of_keeping, of_answer = self.compute(micro.ids, micro.mask, micro.types)
            relevance.append(of_passage)
            keep.append(of_keeping.flatten()[micro.tokens])
            answer.append(of_answer.flatten()[micro.tokens])
        loss, parts = bundle_loss(
            torch.cat(relevance),
            torch.cat(keep),
            torch.cat(answer),
            bundle,
            self.config.relevance_weight,
            self.config.teacher_weight,
        )
        return torch.autograd.grad(loss, self.working, allow_unused=True), parts

    def update(self, results: list[tuple[Any, dict[str, float]]]) -> float:
        for place, parameter in enumerate(self.master):
            found = [grads[place].float() for grads, _ in results if grads[place] is not None]
            parameter.grad = sum(found[1:], found[0]) / len(results) if found else None
        norm = torch.nn.utils.clip_grad_norm_(self.master, self.config.clip)
        for group in self.optimizer.param_groups:
            group["lr"] = rate_at(self.config, self.step)
        self.optimizer.step()
        if self.compute is not self.model:
            with torch.no_grad():
                for target, source in zip(self.working, self.master, strict=True):
                    target.copy_(source)
        return float(norm)

    def state_path(self) -> Path:
        return self.config.output / "state.pt"

    def save(self) -> None:
        temporary = self.state_path().with_suffix(".tmp")
        torch.save(
            {
                "model": self.model.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "step": self.step,
                "fingerprint": self.config.fingerprint(),
                "content": self.content,
            },
            temporary,
        )
        temporary.replace(self.state_path())

    def resume(self) -> None:
        """Goes on from the resume state, if there is one."""
        if not self.state_path().exists():
            return
        try:
            state = torch.load(self.state_path(), map_location=self.device, weights_only=True)
        except Exception as error:  # torch raises many kinds
            raise ConfigurationError(f"{self.state_path()} cannot be read. Delete it to start anew.") from error
        # A state of an earlier version says nothing of what the files held.
        if (state["fingerprint"], state.get("content", self.content)) != (self.config.fingerprint(), self.content):
            raise ConfigurationError(
                f"{self.state_path()} belongs to a run with other settings or data. "
                "Delete it to start anew, or choose another output."
            )
        if state["step"] > self.config.steps:
            raise ConfigurationError(
                f"{self.state_path()} has come to step {state['step']}, beyond steps={self.config.steps}. "
                "Delete it to start anew, or ask for more steps."
            )
        self.model.load_state_dict(state["model"])
        if self.compute is not self.model:
            self.compute.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step = state["step"]

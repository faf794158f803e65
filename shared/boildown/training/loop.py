"""The training run: seeded, resumable, logged."""

from __future__ import annotations

import itertools
import json
import sys
import time
from collections import defaultdict
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from boildown.errors import ConfigurationError
from boildown.text.sentences import split_sentences

from .base import languages_of, settings_of_base
from .batches import Bundle
from .calibrate import fit_calibration
from .card import write_card
from .config import TrainConfig
from .curve import draw_curve, read_log
from .export import export_checkpoint
from .measures import held_out_measures
from .negatives import NegativeMiner
from .pools import ScoredPool, choose_held_out, dump_pools, pool_passages, score_pool
from .trainer import Trainer, rate_at


class _Meter:
    """Sums of what happened since the last log entry."""

    def __init__(self) -> None:
        self.started = time.perf_counter()
        self.pairs = self.tokens = self.bundles = 0
        self.sums: dict[str, float] = defaultdict(float)

    def add(self, bundle: Bundle, parts: dict[str, float]) -> None:
        self.pairs += bundle.pairs
        self.tokens += bundle.input_tokens
        self.bundles += 1
        for name, value in parts.items():
            self.sums[name] += value

    def entry(self) -> dict[str, float]:
        seconds = time.perf_counter() - self.started
        return {
            "pairs_per_second": round(self.pairs / seconds, 2),
            "tokens_per_second": round(self.tokens / seconds),
            **{name: round(value / self.bundles, 5) for name, value in self.sums.items()},
        }


def _run(trainer: Trainer) -> None:
    config = trainer.config
    stream = itertools.islice(trainer.stream, trainer.step * config.questions_per_step, None)

    def prepare(step: int) -> list[Bundle]:
        return trainer.bundles(itertools.islice(stream, config.questions_per_step), step)

    path = config.output / "log.jsonl"
    # Later entries are of steps that are now done again, or of a run that was started anew.
    before = [entry for entry in read_log(path) if entry["step"] <= trainer.step] if path.exists() else []
    meter = _Meter()
    with (
        ThreadPoolExecutor(1) as ahead,
        ThreadPoolExecutor(trainer.workers) as pool,
        path.open("w", encoding="utf-8") as log,
        # It takes hours on a CPU. With disable=None the bar is for terminals alone.
        tqdm(initial=trainer.step, total=config.steps, unit="step", file=sys.stderr, disable=None) as bar,
    ):
        log.writelines(json.dumps(entry) + "\n" for entry in before)
        pending: Future[list[Bundle]] = ahead.submit(prepare, trainer.step)
        while trainer.step < config.steps:
            bundles = pending.result()
            pending = ahead.submit(prepare, trainer.step + 1)
            results = list(pool.map(trainer.gradients, bundles))
            norm = trainer.update(results)
            trainer.step += 1
            bar.update()
            for bundle, (_, parts) in zip(bundles, results, strict=True):
                meter.add(bundle, parts)
            last = trainer.step == config.steps
            if last or trainer.step % config.log_every == 0:
                rate = rate_at(config, trainer.step - 1)
                entry = {"step": trainer.step, "rate": rate, "norm": round(norm, 4), **meter.entry()}
                log.write(json.dumps(entry) + "\n")
                log.flush()
                meter = _Meter()
            if last or trainer.step % config.save_every == 0:
                trainer.save()


def score_held_out(trainer: Trainer) -> list[ScoredPool]:
    """Scores held-out questions in pools, and keeps the scores beside the model."""
    config = trainer.config
    chosen = choose_held_out(trainer.held_out, config.calibration_questions)
    if not chosen:
        return []
    miner = NegativeMiner(trainer.questions + trainer.held_out)
    model = trainer.compute.eval()
    pools = [
        score_pool(
            model,
            trainer.encoder,
            split_sentences,
            question,
            pool_passages(question, miner, config.calibration_documents, config.seed),
        )
        for question in chosen
    ]
    model.train()
    dump_pools(pools, config.output / "held_out_scores.jsonl")
    return pools


def _scales(pools: list[ScoredPool], before: dict[str, Any] | None) -> dict[str, Any]:
    """The settings that say what a score means: the base's mix where it names one, else a calibration.

    A mix holds its own scales. Those that a few held-out questions would give are another matter than those that it
    was fitted with, and a threshold would mean something else after every fine-tuning.
    """
    before = before or {}
    if "mix" in before:
        return {"calibration": before.get("calibration", {}), "mix": before["mix"]}
    return {"calibration": fit_calibration(pools) if pools else before.get("calibration", {})}


def train(config: TrainConfig) -> Path:
    """Trains a model, or goes on with an interrupted run, and writes its checkpoint.

    The folder ``config.output`` then holds the checkpoint (``config.json``, ``tokenizer.json``,
    ``model.safetensors``, ``boildown.json``), the model card (``README.md``), the log
    (``log.jsonl``) and its curve (``curve.png``, where matplotlib is installed), the scores of the
    held-out questions (``held_out_scores.jsonl``), the lines that were skipped
    (``skipped.txt``) and the state from which the same call goes on (``state.pt``).

    Returns:
        The folder, which ``Compressor(model=...)`` loads.

    Raises:
        InputError: broken training data; names the file and the line. Found before a model is loaded.
        ModelError: the base cannot be loaded.
        ConfigurationError: settings that do not fit each other, the data or a state found in the folder.
    """
    config.check()
    before = settings_of_base(config.base)
    threads = torch.get_num_threads()
    try:
        trainer = Trainer(config)
        # Only now, so that nothing is left of a run that its data or its base stop.
        try:
            config.output.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(f"The output folder {config.output} cannot be made: {error}.") from error
        trainer.resume()
        _run(trainer)
        pools = score_held_out(trainer)
    finally:
        torch.set_num_threads(threads)
    skipped = config.output / "skipped.txt"
    skipped.unlink(missing_ok=True)
    if trainer.broken:
        skipped.write_text("".join(f"{fault}\n" for fault in trainer.broken), encoding="utf-8")
    settings = {**_scales(pools, before), **languages_of(trainer.given, before)}
    export_checkpoint(
        trainer.model,
        trainer.tokenizer,
        config.output,
        max_length=config.max_length,
        max_query=config.max_query,
        settings=settings,
    )
    draw_curve(config.output / "log.jsonl", config.output / "curve.png")
    write_card(trainer, settings, held_out_measures(pools), len(pools))
    return config.output

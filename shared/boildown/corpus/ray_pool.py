"""The same job on a Ray cluster: Ray Data hands blocks to a pool of actors, each with a model of its own.

A block is scored and published by the actor itself, and only its receipt travels. So it does no harm that Ray runs a
task again when a worker or a machine is lost: the second run finds the receipt, or makes the same part once more.
"""

from __future__ import annotations

import json
import logging
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from boildown.corpus.blocks import Block
from boildown.corpus.job import Step, split_or_fail
from boildown.corpus.output import Failure, Output, Receipt
from boildown.corpus.scoring import BlockScorer, Scoring
from boildown.errors import ConfigurationError, MissingExtraError, ModelError

__all__ = ["RayPool"]

_CORES = 2
_MOST_TASKS = 10_000
"""Of Ray Data at once; more blocks than this share tasks."""


class RayPool:
    """Works on the cluster that RAY_ADDRESS names, else on the one that runs on this machine, else starts one here.

    Inputs, output and model must be at the same paths on all machines (a shared file system, or a mounted bucket that
    renames in one step), and so must this package. To be used in a `with` statement.

    Args:
        workers: actors; None takes as many as the cluster has room for when the job begins.
        cores: CPU cores for each; None takes 2, or 1 beside a GPU.
        gpus: GPUs for each, which may be a fraction; None takes 1 where the cluster has any, else 0.

    Raises:
        MissingExtraError: Ray is not installed.
        ConfigurationError: in the `with` statement, there is no such cluster, or none can be started.
    """

    def __init__(self, workers: int | None = None, cores: float | None = None, gpus: float | None = None) -> None:
        try:
            import ray.data
        except ImportError:
            raise MissingExtraError("ray", "ray", "Scoring on a cluster") from None
        self._ray = ray
        self.workers, self.cores, self.gpus = workers, cores, gpus
        self._started = False

    def __enter__(self) -> RayPool:
        if not self._ray.is_initialized():
            self._start()
            self._started = True
        self._ray.data.DataContext.get_current().enable_progress_bars = False
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._started:
            self._ray.shutdown()
            self._started = False

    def split(self, files: Mapping[str, Path], size: int) -> Iterator[tuple[str, list[Block] | Failure]]:
        items = [{"name": name, "path": str(path), "size": size} for name, path in files.items()]
        for row in self._rows(items, _split):
            value = json.loads(row["found"])
            found = [Block(**one) for one in value] if isinstance(value, list) else Failure(**value)
            yield row["name"], found

    def score(self, blocks: Sequence[Block], scoring: Scoring, output: Output, step: Step) -> Iterator[Receipt]:
        """See `Workers.score`.

        Raises:
            ConfigurationError: no machine of the cluster has what a worker needs.
            ModelError: a worker cannot load the model, or finds another one at its place.
        """
        workers, cores, gpus = self._shares(scoring.device)
        key, model = scoring.key, scoring.model
        if model is not None and (folder := Path(model).expanduser()).is_dir():
            model = str(folder.absolute())
        scoring = replace(scoring, model=model)  # a copy has no key yet: each worker finds out its own
        items = [{"block": json.dumps(asdict(block))} for block in blocks]
        pool = self._ray.data.ActorPoolStrategy(size=max(1, min(workers, len(blocks))))
        for row in self._rows(
            items, _Scorer, fn_constructor_args=(scoring, output, key), compute=pool, num_cpus=cores, num_gpus=gpus
        ):
            receipt = Receipt.from_json(row["receipt"])
            step(receipt.block.documents)
            yield receipt

    def _start(self) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        for last in (False, False, True):
            try:
                self._ray.init(include_dashboard=False, logging_level=logging.WARNING, log_to_driver=False)
                return
            except Exception as error:  # Ray's own; where much else is going on, it may not be up in its 30 seconds
                self._ray.shutdown()
                if last or "RAY_ADDRESS" in os.environ:
                    raise ConfigurationError(
                        f"The Ray cluster cannot be reached or started: {str(error).strip()} RAY_ADDRESS names one "
                        "that runs; without it, one is started on this machine."
                    ) from error

    def _rows(self, items: list[dict[str, Any]], function: Any, **arguments: Any) -> Iterator[dict[str, Any]]:
        data = self._ray.data.from_items(items, override_num_blocks=min(len(items), _MOST_TASKS))
        try:
            yield from data.map(function, **arguments).iter_rows()
        except self._ray.exceptions.RayError as error:
            reason = str(error).strip().rpartition("\n")[2]
            raise ModelError(f"The workers of the Ray cluster failed: {reason}") from error

    def _shares(self, device: str) -> tuple[int, float, float]:
        """How many actors, and the cores and GPUs of each."""
        nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        gpus = self.gpus
        if gpus is None:
            gpus = float(device != "cpu" and any(node.get("GPU", 0) >= 1 for node in nodes))
        most = max(node.get("CPU", 0.0) for node in nodes)
        cores = self.cores if self.cores is not None else min(1 if gpus else _CORES, most)
        room = sum(
            int(min(node.get("CPU", 0.0) // cores if cores else 1e9, node.get("GPU", 0.0) // gpus if gpus else 1e9))
            for node in nodes
        )
        if not room:  # Ray would wait for such a machine for ever
            raise ConfigurationError(
                f"No machine of the Ray cluster has {cores:g} CPU cores and {gpus:g} GPUs, which a worker is to have."
            )
        return self.workers or room, cores, gpus


def _split(row: dict[str, Any]) -> dict[str, Any]:
    found = split_or_fail(row["name"], Path(row["path"]), row["size"])
    value = asdict(found) if isinstance(found, Failure) else [asdict(block) for block in found]
    return {"name": row["name"], "found": json.dumps(value)}


class _Scorer:
    """`BlockScorer`, by rows of Ray Data.

    Raises:
        ModelError: this machine has another model than the one where the job began, as `key` says.
    """

    def __init__(self, scoring: Scoring, output: Output, key: str) -> None:
        self._scorer = BlockScorer(scoring, output)
        if self._scorer.scoring.key != key:
            raise ModelError(
                f"{scoring.model} on {socket.gethostname()} is another model than where the job began. Give all "
                "machines the same files and the same version of boildown, and start the job again."
            )

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        return {"receipt": self._scorer(Block(**json.loads(row["block"]))).to_json()}

"""The whole job: which blocks there are, which of them are finished, and what came out in the end."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Protocol

from boildown.corpus.blocks import Block, find_files, split_file
from boildown.corpus.output import Failure, Output, Receipt
from boildown.corpus.scoring import BlockScorer, Scoring
from boildown.errors import ConfigurationError, InputError

__all__ = ["BLOCK_DOCUMENTS", "InProcess", "Summary", "Workers", "score_corpus", "split_or_fail"]

BLOCK_DOCUMENTS = 5_000
_OTHER_MODEL = "the worker had another model or version than the job began with; see that all machines have the same"
Step = Callable[[int], None]


class Workers(Protocol):
    """Who does the work: this process, or many."""

    def split(self, files: Mapping[str, Path], size: int) -> Iterable[tuple[str, list[Block] | Failure]]:
        """Splits each file into blocks as `split_or_fail` does, in any order, and gives them with the file's name."""
        ...

    def score(self, blocks: Sequence[Block], scoring: Scoring, output: Output, step: Step) -> Iterable[Receipt]:
        """Scores blocks as `BlockScorer` does, in any order, and tells `step` how many documents were read."""
        ...


class InProcess:
    """Works in this process, with all of its cores."""

    def split(self, files: Mapping[str, Path], size: int) -> Iterator[tuple[str, list[Block] | Failure]]:
        for name, path in files.items():
            yield name, split_or_fail(name, path, size)

    def score(self, blocks: Sequence[Block], scoring: Scoring, output: Output, step: Step) -> Iterator[Receipt]:
        yield from map(BlockScorer(scoring, output, step), blocks)


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run did, and what is in the output folder now of the inputs that it was given.

    `documents_read == documents_written + documents_failed`, over all files that could be read.

    Attributes:
        files: input files.
        files_failed: those that could not be read at all; their documents are in no other number, and what an
            earlier run wrote of them stays.
        documents_read, documents_written, documents_failed: of the inputs, by this run or an earlier one.
        documents_scored: of those written, the ones that this run wrote.
        blocks, blocks_skipped: in all, and those that an earlier run had finished.
        score_bytes: all stored scores together.
        seconds: the run took, reading and loading included.
        failed: path of the list of failures; empty if there are none.
        others: names of inputs that this run was not given, but whose parts an earlier one left in the output folder.
    """

    files: int
    files_failed: int
    documents_read: int
    documents_written: int
    documents_failed: int
    documents_scored: int
    blocks: int
    blocks_skipped: int
    score_bytes: int
    seconds: float
    failed: str
    others: list[str]

    @property
    def complete(self) -> bool:
        """Whether every document of every file was written."""
        return not self.files_failed and not self.documents_failed

    def to_dict(self) -> dict[str, Any]:
        """Plain Python values, ready for JSON."""
        return asdict(self)


def score_corpus(
    inputs: Iterable[str | Path],
    output: str | Path,
    scoring: Scoring,
    *,
    workers: Workers | None = None,
    block_documents: int = BLOCK_DOCUMENTS,
    progress: Callable[[int], AbstractContextManager[Step]] | None = None,
) -> Summary:
    """Writes the documents of files, each with its stored scores in its metadata under "boildown_scores".

    A JSONL file (or .jsonl.gz) holds one document a line, `{"text", "id", "title", "metadata"}`, of which the text is
    required; a Parquet file has columns of these names. Other fields pass through. What came out of an earlier run is
    skipped, unless its input, the model or a setting has changed since. What is written: `boildown.corpus.output`.

    Args:
        inputs: files, or folders of files.
        output: a folder, which must be new, empty, or from an earlier run.
        scoring: how documents are scored.
        workers: who does it; None is this process.
        block_documents: documents of one file of the output: what an interrupted worker has to do again.
        progress: given the number of documents to score, a context manager of a function that takes those just done.

    Raises:
        InputError: there is no such input.
        ConfigurationError: the output folder cannot be used or holds another file of the same name, or an argument
            is wrong.
        ModelError: the model cannot be loaded.
    """
    begin = perf_counter()
    if block_documents < 1:
        raise ConfigurationError(f"A block needs at least 1 document, not {block_documents}.")
    workers = workers or InProcess()
    place = Output(output)
    files = find_files(inputs, place.folder)
    key = scoring.key
    place.prepare(files.values())
    found = dict(workers.split(files, block_documents))
    unread = [one for name in files if isinstance(one := found[name], Failure)]
    blocks = [block for name in files if not isinstance(one := found[name], Failure) for block in one]
    for block in blocks:
        _refuse_namesake(place.receipt(block.part), block)
    earlier = [receipt for block in blocks if (receipt := _made(place, block, key))]
    skipped = {receipt.block.part for receipt in earlier if receipt.finished}
    for receipt in earlier:
        if not receipt.finished:
            place.unsign(receipt.block.part)  # a worker would take it for one of this run
    rest = [block for block in blocks if block.part not in skipped]
    answers: dict[str, Receipt] = {}
    with progress(sum(block.documents for block in rest)) if progress else nullcontext(_ignore) as step:
        for receipt in workers.score(rest, scoring, place, step) if rest else ():
            if receipt.key != key:  # its part goes below, so it must not count as written
                receipt = _lost(receipt.block, key, _OTHER_MODEL)
            answers[receipt.block.part] = receipt
    for block in rest:
        answers.setdefault(block.part, _lost(block, key, "no worker answered for these documents"))
    # Only now: a run that cannot start, for a slip in an argument, must not cost what an earlier one has done.
    # Nor does a file that cannot be read today.
    whole = {name for name, one in found.items() if not isinstance(one, Failure)}
    place.discard(whole, keep={block.part for block in blocks if _made(place, block, key)})
    return _summarise(place, blocks, skipped, answers, unread, files, begin)


def split_or_fail(name: str, path: Path, size: int) -> list[Block] | Failure:
    """`split_file`, or what kept the file from being read."""
    try:
        return split_file(name, path, size)
    except InputError as error:
        return Failure(str(path), None, None, str(error), again=True)


def _lost(block: Block, key: str, error: str) -> Receipt:
    """Of a block that came out without a part."""
    return Receipt(block, key, 0, (Failure(block.file, block.first, block.documents, error, again=True),))


def _made(output: Output, block: Block, key: str) -> Receipt | None:
    """The receipt that says that just this block was scored in just this way."""
    receipt = output.receipt(block.part)
    if receipt is None or receipt.key != key or _identity(receipt.block) != _identity(block):
        return None
    return receipt


def _refuse_namesake(receipt: Receipt | None, block: Block) -> None:
    """Refuses to replace the part of another file, which is still there and has other content, but the same name."""
    if receipt is None or _identity(receipt.block) == _identity(block):
        return
    old, new = Path(receipt.block.file), Path(block.file)
    if old.exists() and not old.samefile(new):
        raise ConfigurationError(
            f"{block.part} of the output was made from {old}, and would be replaced by {new}. Take another output."
        )


def _identity(block: Block) -> tuple[Any, ...]:
    return block.part, block.first, block.lines, block.documents, block.digest


def _summarise(
    output: Output,
    blocks: Sequence[Block],
    skipped: set[str],
    answers: Mapping[str, Receipt],
    unread: Sequence[Failure],
    files: Mapping[str, Path],
    begin: float,
) -> Summary:
    """Counts what the receipts say, not what the run believes."""
    failures = list(unread)
    read = written = failed = scored = size = 0
    for block in blocks:
        receipt = output.receipt(block.part) or answers[block.part]
        failures += receipt.failures
        read += block.documents
        written += receipt.written
        failed += sum(failure.documents or 0 for failure in receipt.failures)
        scored += 0 if block.part in skipped else receipt.written
        size += receipt.score_bytes
    if read != written + failed:  # would be an error in this package, and must not pass for a finished job
        raise RuntimeError(f"{read} documents were read, but {written} written and {failed} failed.")
    path = output.note("failed.jsonl", (json.dumps(asdict(one), ensure_ascii=False) for one in failures))
    summary = Summary(
        files=len(files),
        files_failed=len(unread),
        documents_read=read,
        documents_written=written,
        documents_failed=failed,
        documents_scored=scored,
        blocks=len(blocks),
        blocks_skipped=len(skipped),
        score_bytes=size,
        seconds=round(perf_counter() - begin, 3),
        failed=str(path) if failures else "",
        others=output.others(files),
    )
    output.note("summary.json", [json.dumps(summary.to_dict(), indent=1, ensure_ascii=False)])
    output.clear()
    return summary


def _ignore(done: int) -> None:
    """For those who do not watch."""

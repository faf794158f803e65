"""The output folder: parts, and for each part a receipt that says what it was made from.

    OUT/pages/a-00003.jsonl                          a part: one block's records with their scores
    OUT/_boildown/receipts/pages/a-00003.jsonl.json  its receipt; with it, the part is finished
    OUT/_boildown/failed.jsonl, summary.json         what the last run says
    OUT/_boildown/partial/, attempts/                of the run at hand

Parts and receipts appear whole or not at all, first the part, then the receipt. So whoever is killed leaves parts that
are finished, and parts that count for nothing and are made again under the same name. What an earlier run made in
another way, or of files that were otherwise then, stays until a run has gone through: after it nothing is there twice.
Readers of folders (Spark, Arrow, DuckDB) pass over names that begin with an underscore.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
from collections.abc import Callable, Container, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from boildown.corpus.blocks import Block, input_name
from boildown.errors import ConfigurationError

__all__ = ["Failure", "Output", "Receipt"]

_NOTES = "_boildown"


@dataclass(frozen=True, slots=True)
class Failure:
    """Documents that were not written, and why.

    Attributes:
        file: path of the input.
        line: number of the line or row, from 1; None where it is the whole file.
        documents: how many; None where the file could not be read to count them.
        error: what is wrong.
        id: the document's, if known.
        again: whether the next run tries again, although the input is the same.
    """

    file: str
    line: int | None
    documents: int | None
    error: str
    id: str | None = None
    again: bool = False


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a block.

    Attributes:
        block: the block.
        key: the method, model and settings that scored it.
        written: documents in its part.
        failures: the others.
        score_bytes: all stored scores together; they are ASCII.
        seconds: it took.
        host, pid: the process that made it.
    """

    block: Block
    key: str
    written: int
    failures: tuple[Failure, ...] = ()
    score_bytes: int = 0
    seconds: float = 0.0
    host: str = field(default_factory=socket.gethostname)
    pid: int = field(default_factory=os.getpid)

    @property
    def finished(self) -> bool:
        """Whether another run has nothing to add."""
        return not any(failure.again for failure in self.failures)

    def to_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Receipt:
        """What `to_json` gave.

        Raises:
            ValueError, TypeError, KeyError, AttributeError: it is something else.
        """
        value: dict[str, Any] = json.loads(text)
        block = Block(**value.pop("block"))
        return cls(block=block, failures=tuple(Failure(**one) for one in value.pop("failures")), **value)


class Output:
    """The folder that parts are written to.

    One job at a time may write to a folder, from as many processes and machines as it likes, if they all see it.

    Args:
        folder: its path.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder).expanduser().absolute()
        self.notes = self.folder / _NOTES

    def prepare(self, inputs: Iterable[Path]) -> None:
        """Makes the folder, and clears away what an interrupted run left half done.

        Raises:
            ConfigurationError: the folder holds something else than this command's output, or an input.
        """
        real = self.folder.resolve()
        for path in inputs:
            if real in path.resolve().parents:
                raise ConfigurationError(f"The output folder {self.folder} holds the input {path}. Take another.")
        try:
            if self.folder.exists() and not self.notes.is_dir() and any(self.folder.iterdir()):
                raise ConfigurationError(
                    f"{self.folder} holds files that are not from this command. Take a new or an empty folder."
                )
            self.clear()
            for name in ("partial", "attempts", "receipts"):
                (self.notes / name).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(f"The output folder {self.folder} cannot be made: {error}") from error

    def clear(self) -> None:
        """Removes what only a run at work needs."""
        for name in ("partial", "attempts"):
            shutil.rmtree(self.notes / name, ignore_errors=True)

    def receipt(self, part: str) -> Receipt | None:
        """The receipt of a part that is there, or None; a damaged one counts as none."""
        try:
            if (self.folder / part).is_file():
                return Receipt.from_json(self._receipt_path(part).read_text(encoding="utf-8"))
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            pass
        return None

    def others(self, names: Container[str]) -> list[str]:
        """Names of the inputs, besides these, that finished parts are of."""
        root = self.notes / "receipts"
        parts = (path.relative_to(root).as_posix().removesuffix(".json") for path in root.rglob("*.json"))
        found = {name for part in parts if (name := input_name(part)) and (self.folder / part).is_file()}
        return sorted(name for name in found if name not in names)

    def discard(self, names: Container[str], keep: Container[str]) -> None:
        """Removes the parts of inputs with these names, and their receipts, but for the parts to keep."""
        for root, end in ((self.folder, ""), (self.notes / "receipts", ".json")):
            for path in root.rglob(f"*{end}"):
                part = path.relative_to(root).as_posix().removesuffix(end)
                if (path.parts[len(root.parts)] != _NOTES) and input_name(part) in names and part not in keep:
                    path.unlink()

    def publish(self, part: str, write: Callable[[Path], None]) -> None:
        """Has `write` make a file beside the output, and gives it its name there when it is whole and on the disk."""
        self.unsign(part)  # the receipt is of the file that is replaced
        self._replace(self.folder / part, write)

    def unsign(self, part: str) -> None:
        """Removes the receipt of a part, which then counts for nothing."""
        self._receipt_path(part).unlink(missing_ok=True)

    def sign(self, receipt: Receipt) -> None:
        """Writes the receipt of a part that has been published."""
        text = receipt.to_json()
        self._replace(self._receipt_path(receipt.block.part), lambda path: _write(path, text))

    def note(self, name: str, lines: Iterable[str]) -> Path:
        """Writes a file among the notes, and returns its path."""
        target = self.notes / name
        self._replace(target, lambda path: _write(path, "".join(f"{line}\n" for line in lines)))
        return target

    def attempt(self, part: str) -> int:
        """How often this run has begun to score a part, this time included."""
        name = hashlib.blake2b(part.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
        with open(self.notes / "attempts" / name, "ab") as file:
            file.write(b".")
            return file.tell()

    def _receipt_path(self, part: str) -> Path:
        return self.notes / "receipts" / f"{part}.json"

    def _replace(self, target: Path, write: Callable[[Path], None]) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        unique = f"{os.getpid()}-{os.urandom(4).hex()}-{target.name}"
        partial = self.notes / "partial" / unique
        try:
            write(partial)
            with open(partial, "rb") as file:
                os.fsync(file.fileno())
            os.replace(partial, target)
        finally:
            partial.unlink(missing_ok=True)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", errors="backslashreplace")

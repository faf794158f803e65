"""Results on disk, one JSON line per question, so that an interrupted run goes on where it stopped."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from boildown.errors import InputError
from boildown.evaluation.records import Record
from boildown.json_lines import parse_line

__all__ = ["Journal"]

_BEGIN = b'{"file": "'
"""Of every line."""


class Journal:
    """A JSONL file of results, keyed by data set, record and the settings of the run.

    The settings hold the name of a model, not its weights: delete the file when a model changes in place.

    Args:
        path: the file; made when it is not there.

    Raises:
        InputError: the file cannot be opened, or holds something else than results; then it is left as it is. Only the
            beginning of a result at the end of results, as an interrupted run leaves it, is taken away.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._found: dict[str, dict[str, Any]] = {}
        try:
            self.path.touch()
            self._read()
            self._file: TextIO = self.path.open("a", encoding="utf-8")
        except OSError as error:
            raise InputError(f"The results file {self.path} cannot be used: {error}.") from error

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self._found)

    def get(self, file: str, record: Record, settings: Mapping[str, Any]) -> dict[str, Any] | None:
        """The result of just this question and these documents under these settings, or None."""
        return self._found.get(_key(file, record.id, record.digest, settings))

    def add(self, record: Record, settings: Mapping[str, Any], result: Mapping[str, Any]) -> None:
        """Writes a result, which has "file" and "id", at once."""
        line = {**result, "record": record.digest, "settings": dict(settings)}
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()
        self._found[_key(result["file"], record.id, record.digest, settings)] = line

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _read(self) -> None:
        *lines, tail = self.path.read_bytes().split(b"\n")
        for number, line in enumerate(lines, 1):
            try:
                value = parse_line(line)
                # Results of an earlier version tell of no record, and so fit none.
                key = _key(value["file"], value["id"], value.get("record"), value["settings"])
            except (InputError, AttributeError, KeyError, TypeError):
                raise self._other(number) from None
            self._found[key] = value
        if tail:
            # Nobody's notes may be cut off: only what can be the beginning of a result.
            if not lines and tail[: len(_BEGIN)] != _BEGIN[: len(tail)]:
                raise self._other(1)
            with self.path.open("r+b") as file:
                file.truncate(sum(len(line) + 1 for line in lines))

    def _other(self, number: int) -> InputError:
        return InputError(
            f"{self.path}, line {number}: not a result of an evaluation. Give another file to resume from, or delete "
            "this one."
        )


def _key(file: str, id: str, digest: str | None, settings: Mapping[str, Any]) -> str:
    return json.dumps([file, id, digest, settings], sort_keys=True)

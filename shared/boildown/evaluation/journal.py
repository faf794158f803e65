"""Results on disk, one JSON line per question, so that an interrupted run goes on where it stopped."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from boildown.errors import InputError

__all__ = ["Journal"]


class Journal:
    """A JSONL file of results, keyed by data set, record id and the settings of the run.

    The settings hold the name of a model, not its weights: delete the file when a model changes in place.

    Args:
        path: the file; made when it is not there.

    Raises:
        InputError: the file cannot be opened, or a line of it is not a result. A last line without its end, as an
            interrupted run leaves it, is taken away.
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

    def get(self, file: str, id: str, settings: Mapping[str, Any]) -> dict[str, Any] | None:
        """The result of this question under these settings, or None."""
        return self._found.get(_key(file, id, settings))

    def add(self, settings: Mapping[str, Any], result: Mapping[str, Any]) -> None:
        """Writes a result, which has "file" and "id", at once."""
        line = {**result, "settings": dict(settings)}
        self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
        self._file.flush()
        self._found[_key(result["file"], result["id"], settings)] = line

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _read(self) -> None:
        content = self.path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            with self.path.open("r+b") as file:
                file.truncate(len(whole))
        for number, line in enumerate(whole.splitlines(), 1):
            try:
                value = json.loads(line)
                self._found[_key(value["file"], value["id"], value["settings"])] = value
            except (ValueError, KeyError, TypeError):
                raise InputError(
                    f"{self.path}, line {number}: not a result of an evaluation. Give another file to resume from, or "
                    "delete this one."
                ) from None


def _key(file: str, id: str, settings: Mapping[str, Any]) -> str:
    return json.dumps([file, id, settings], sort_keys=True)

"""The input files, and the blocks of records they are scored in: the unit of resuming, and of work for a machine."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from boildown.errors import ConfigurationError, InputError, MissingExtraError
from boildown.json_lines import UNREADABLE, open_lines

__all__ = ["ENDINGS", "Block", "find_files", "input_name", "open_parquet", "split_file"]

ENDINGS = (".jsonl", ".jsonl.gz", ".parquet")
_PART = re.compile(r"(.+)-\d{5,}(" + "|".join(map(re.escape, ENDINGS)) + ")", re.DOTALL)
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive records of one input file, which become one file of the output.

    Attributes:
        file: path of the input.
        part: name of the output below the output folder, such as "pages/a-00003.jsonl.gz".
        first: number of the first line or row, from 1.
        lines: how many lines or rows it has.
        documents: how many of them are not blank.
        offset: bytes before it, in a JSONL file that is not compressed; else 0.
        digest: of its content, to notice a change.
    """

    file: str
    part: str
    first: int
    lines: int
    documents: int
    offset: int
    digest: str


def find_files(inputs: Iterable[str | Path], output: Path) -> dict[str, Path]:
    """Files by name; below a folder all that end like JSONL or Parquet, named with the folders in between.

    Args:
        inputs: files, and folders of files.
        output: a folder to leave out where it lies below a folder of inputs: an earlier run's parts are no input.

    Raises:
        InputError: a file is not there or has another ending, or a folder holds none.
        ConfigurationError: two files have the same name, so that their outputs would be the same.
    """
    found: dict[str, Path] = {}
    for given in (Path(one).expanduser().absolute() for one in inputs):
        if given.is_dir():
            root, real = given.resolve(), output.resolve()
            own = given / real.relative_to(root) if root in real.parents else None
            below = sorted(
                path
                for path in given.rglob("*")
                if _is_data(path.relative_to(given)) and path.is_file() and own not in path.parents
            )
            if not below:
                raise InputError(f"{given} holds no file that ends with {', '.join(ENDINGS)}.")
            named = [(path.relative_to(given).as_posix(), path) for path in below]
        elif not given.is_file():
            raise InputError(f"There is no file {given}.")
        elif not given.name.endswith(ENDINGS):
            raise InputError(f"{given}: the name must end with {', '.join(ENDINGS)}, which says what the file holds.")
        else:
            named = [(given.name, given)]
        for name, path in named:
            if name in found:
                raise ConfigurationError(
                    f"{found[name]} and {path} would be written to the same output. Give the folder above both, or "
                    "score them to different outputs."
                )
            found[name] = path
    return found


def split_file(name: str, path: Path, size: int) -> list[Block]:
    """Splits a file into blocks; each byte is read once, and no text is kept.

    Args:
        name: what the outputs are called after, with its ending.
        path: the file.
        size: documents of a block.

    Raises:
        InputError: the file cannot be read.
        MissingExtraError: it is a Parquet file and pyarrow is not installed.
    """
    try:
        return list(_parquet_blocks(name, path, size) if name.endswith(".parquet") else _line_blocks(name, path, size))
    except UNREADABLE as error:
        raise InputError(f"{path} cannot be read: {error}") from error


def open_parquet(path: str | Path) -> Any:
    """A `pyarrow.parquet.ParquetFile`.

    Raises:
        MissingExtraError: pyarrow is not installed.
        OSError: it is no Parquet file.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise MissingExtraError("pyarrow", "parquet", "A Parquet file") from None
    try:
        return parquet.ParquetFile(path)
    except pyarrow.ArrowException as error:
        raise OSError(str(error)) from error


def input_name(part: str) -> str | None:
    """The name of the input that a part is of; None if this is no part's name."""
    found = _PART.fullmatch(part)
    return None if found is None else found[1] + found[2]


def _part(name: str, number: int) -> str:
    """The name of an output: "a.jsonl.gz" has the parts "a-00000.jsonl.gz", "a-00001.jsonl.gz" and so on."""
    ending = next(ending for ending in ENDINGS if name.endswith(ending))
    return f"{name.removesuffix(ending)}-{number:05d}{ending}"


def _line_blocks(name: str, path: Path, size: int) -> Iterator[Block]:
    number, first, offset = 0, 1, 0
    with open_lines(path) as file:
        while True:
            digest = hashlib.blake2b(digest_size=12)
            lines = documents = length = 0
            while documents < size and (line := file.readline()):
                digest.update(line)
                lines, length = lines + 1, length + len(line)
                documents += not line.isspace()
            if not lines:
                return
            if documents:
                part = _part(name, number)
                begin = 0 if name.endswith(".gz") else offset
                yield Block(str(path), part, first, lines, documents, begin, digest.hexdigest())
            number, first, offset = number + 1, first + lines, offset + length


def _parquet_blocks(name: str, path: Path, size: int) -> Iterator[Block]:
    digest = hashlib.blake2b(digest_size=12)
    with open(path, "rb") as file:
        while data := file.read(_CHUNK):
            digest.update(data)
    with open_parquet(path) as opened:
        rows: int = opened.metadata.num_rows
    for number, first in enumerate(range(0, rows, size)):
        count = min(size, rows - first)
        yield Block(str(path), _part(name, number), first + 1, count, count, 0, digest.hexdigest())


def _is_data(path: Path) -> bool:
    """Whether a path below a folder is data: names that begin with a dot or an underscore are others' notes."""
    return path.name.endswith(ENDINGS) and not any(part.startswith((".", "_")) for part in path.parts)

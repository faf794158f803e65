"""Documents from files, patterns and standard input."""

from __future__ import annotations

import glob
import html
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from boildown.cli.terminal import progress
from boildown.errors import InputError
from boildown.json_lines import UNREADABLE, open_lines, parse_line, reason
from boildown.types import Document

__all__ = ["read_documents"]

_TITLE_WITHIN = 10_000
"""Characters; a title stands at the beginning."""
_HTML_TITLE = re.compile(r"<title[^<>]{0,200}>([^<]*)", re.IGNORECASE)


def read_documents(files: Iterable[str], *, jsonl: bool = False) -> list[Document]:
    """The documents in files, patterns of files, and standard input ("-"), with a progress bar on a terminal.

    Args:
        files: a file that is called .jsonl or .jsonl.gz holds one JSON object a line, with the document's "text", and
            maybe its "id", its "title" and its "metadata", whose stored scores are read; any other file, and standard
            input, is one document, with the title that a Markdown or HTML file begins with.
        jsonl: all of them hold JSON objects, whatever they are called.

    Raises:
        InputError: a file cannot be read, or a line of JSON is no document.
    """
    names = list(_expanded(files))
    documents: list[Document] = []
    with progress(len(names), "file") as step:
        for name in names:
            content = _content(name)
            if jsonl or name.endswith((".jsonl", ".jsonl.gz")):
                documents += _json_documents(content, name)
            else:
                text = _decoded(content, _called(name))
                documents.append(Document(text, id=name, title=_title(text, Path(name).suffix.lower())))
            step(1)
    return documents


def _expanded(files: Iterable[str]) -> Iterator[str]:
    """File names, with the patterns that the shell has left alone replaced by what they match."""
    for name in files:
        if name == "-" or Path(name).exists() or not glob.has_magic(name):
            yield name
            continue
        found = [path for path in sorted(glob.glob(name, recursive=True)) if Path(path).is_file()]
        if not found:
            raise InputError(f"No file matches {name!r}.")
        yield from found


def _title(text: str, suffix: str) -> str:
    """What a document calls itself. The file's name is left out, so that renaming a file changes nothing."""
    beginning = text[:_TITLE_WITHIN]
    if suffix in (".html", ".htm"):
        found = _HTML_TITLE.search(beginning)
        return " ".join(html.unescape(found[1]).split()) if found else ""
    if suffix in (".md", ".markdown"):
        lines = beginning.partition("```")[0].splitlines()  # in code, # begins a comment
        return next((line[2:].strip() for line in lines if line.startswith("# ")), "")
    return ""


def _json_documents(content: bytes, name: str) -> Iterator[Document]:
    for number, line in enumerate(content.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            value = parse_line(line)
        except InputError as error:
            raise InputError(f"{_called(name)}, line {number}: {error}.") from None
        if not isinstance(value, dict) or not isinstance(value.get("text"), str):
            raise InputError(f'{_called(name)}, line {number}: a document must be an object with a "text".')
        metadata = value.get("metadata")
        if metadata is not None and not isinstance(metadata, dict):
            raise InputError(f"{_called(name)}, line {number}: a document's metadata must be an object.")
        given = value.get("id")
        yield Document(
            value["text"],
            id=f"{name}:{number}" if given is None else str(given),
            title=str(value.get("title") or ""),
            metadata=metadata or {},
        )


def _content(name: str) -> bytes:
    if name == "-" and sys.stdin is None:
        raise InputError("Standard input is closed. Name a file.")
    try:
        if name == "-":
            if sys.stdin.isatty():
                print("boildown: reading standard input, to its end (Ctrl-D)", file=sys.stderr)
            return sys.stdin.buffer.read()
        with open_lines(name) as file:
            return file.read()
    except UNREADABLE as error:
        hint = f" Name its files, or a pattern such as '{name}/*'." if Path(name).is_dir() else ""
        raise InputError(f"{_called(name)} cannot be read: {reason(error)}.{hint}") from error


def _called(name: str) -> str:
    return "standard input" if name == "-" else name


def _decoded(content: bytes, name: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{name} is not UTF-8 text ({error}). Convert it to text first.") from None

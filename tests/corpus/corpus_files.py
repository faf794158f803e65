"""What the corpora of these tests are made of, and how they are read back."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tiny_models import ENGLISH

DOCUMENTS, BROKEN = 500, 2
"""Of the fixture `corpus`."""


def make_documents(first: int, count: int) -> list[dict[str, Any]]:
    source = random.Random(first)
    return [
        {
            "id": f"d{i}",
            "text": " ".join([*source.sample(ENGLISH, source.randint(1, 3)), f"Number {i}."]),
            "title": "",
            "metadata": {"page": i, "tags": ["a", "b"]},
            "kept": True,
        }
        for i in range(first, first + count)
    ]


def to_lines(documents: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(document, ensure_ascii=False).encode() + b"\n" for document in documents)


def read_parts(output: Path) -> Iterator[dict[str, Any]]:
    """The documents of an output folder, as any reader of such folders finds them."""
    for path in sorted(output.rglob("[!._]*")):
        below = path.relative_to(output).parts
        if not path.is_file() or any(name.startswith(("_", ".")) for name in below):
            continue
        if path.suffix == ".parquet":
            from pyarrow import parquet

            yield from parquet.read_table(path).to_pylist()
        else:
            content = path.read_bytes()
            content = gzip.decompress(content) if path.suffix == ".gz" else content
            yield from map(json.loads, content.splitlines())

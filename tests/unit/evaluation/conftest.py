"""Two questions, small enough to work out by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

LIGHTHOUSE = {
    "id": "lighthouse",
    "lang": "en",
    "question": "Who built the lighthouse of Marrow Point?",
    "answers": ["Ada Quill"],
    "documents": [
        {
            "title": "Marrow Point",
            "text": "The lighthouse of Marrow Point was built by Ada Quill. Gulls nest on the cliffs in spring.",
            "gold": True,
        },
        {
            "title": "Bread",
            "text": "Rye bread keeps for a week in a dry tin. Bakers score the loaf before it goes in.",
            "gold": False,
        },
    ],
    "source": "made",
}
UNANSWERED = {
    "id": "unanswered",
    "lang": "en",
    "question": "What colour was the ferry?",
    "answers": ["crimson"],
    "documents": [
        {"title": "", "text": "The ferry crossed twice a day. Nobody wrote down how it looked.", "gold": True}
    ],
}


@pytest.fixture
def records() -> list[dict]:
    return [LIGHTHOUSE, UNANSWERED]


@pytest.fixture
def data_file(tmp_path: Path, records: list[dict]) -> Path:
    path = tmp_path / "made.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path

"""Public question sets by name, through the `datasets` library."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from boildown.errors import InputError, MissingExtraError, ModelError, unknown_name
from boildown.evaluation.records import DataSet, Record
from boildown.types import Document

__all__ = ["PUBLIC_SETS", "PublicSet", "load_public_set", "map_rows"]

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PublicSet:
    """Where a set is on the Hugging Face hub, and how one of its rows becomes a record."""

    path: str
    config: str | None
    split: str
    to_record: Callable[[Row], Record]


def load_public_set(name: str, limit: int | None = None) -> DataSet:
    """Downloads a set, or takes it from the cache of `datasets`.

    Args:
        name: a key of `PUBLIC_SETS`.
        limit: take at most the first so many questions.

    Raises:
        ConfigurationError: there is no set of that name.
        MissingExtraError: `datasets` is not installed.
        ModelError: the set is not in the cache and cannot be downloaded.
        InputError: the set's columns are not those that are known.
    """
    if name not in PUBLIC_SETS:
        raise unknown_name("data set", name, PUBLIC_SETS)
    public = PUBLIC_SETS[name]
    try:
        from datasets import load_dataset
    except ImportError:
        raise MissingExtraError("datasets", "evaluation", f"The public data set {name!r}") from None
    split = public.split if limit is None else f"{public.split}[:{limit}]"
    try:
        rows = load_dataset(public.path, public.config, split=split)
    except Exception as error:  # the library raises many kinds, its own and those of its network layer
        raise ModelError(
            f"The data set {name!r} ({public.path}) could not be loaded: {error}. Connect to the network once, so that "
            "it is cached, or give a JSONL file instead."
        ) from error
    return map_rows(name, rows)


def map_rows(name: str, rows: Iterable[Row]) -> DataSet:
    """Turns rows of the public set `name` into records.

    Raises:
        InputError: a row lacks a column, or its columns do not fit together.
    """
    records = []
    for number, row in enumerate(rows):
        try:
            records.append(PUBLIC_SETS[name].to_record(row))
        except (KeyError, TypeError, IndexError, ValueError) as error:
            raise InputError(
                f"Row {number} of the data set {name!r} is not as expected ({type(error).__name__}: {error}); it has "
                f"{', '.join(sorted(row))}."
            ) from error
    return DataSet(name, tuple(records))


def _squad(row: Row) -> Record:
    """One passage; the answers are empty where version 2 asks what the passage does not say."""
    answers = tuple(dict.fromkeys(row["answers"]["text"]))
    gold = (0,) if answers else ()
    passage = Document(row["context"], id="0", title=row.get("title") or "")
    return Record(str(row["id"]), "en", row["question"], answers, (passage,), gold, "squad")


def _hotpotqa(row: Row) -> Record:
    """Ten paragraphs, given as lists of sentences; gold are those with a supporting fact."""
    titles, paragraphs = row["context"]["title"], row["context"]["sentences"]
    supporting = set(row["supporting_facts"]["title"])
    documents = tuple(
        Document("".join(sentences), id=str(i), title=title)
        for i, (title, sentences) in enumerate(zip(titles, paragraphs, strict=True))
    )
    gold = tuple(i for i, title in enumerate(titles) if title in supporting)
    return Record(str(row["id"]), "en", row["question"], (row["answer"],), documents, gold, "hotpotqa")


def _musique(row: Row) -> Record:
    """Twenty paragraphs, two to four of which support the answer."""
    paragraphs = row["paragraphs"]
    documents = tuple(Document(p["paragraph_text"], id=str(i), title=p["title"]) for i, p in enumerate(paragraphs))
    gold = tuple(i for i, p in enumerate(paragraphs) if p["is_supporting"])
    answers = tuple(dict.fromkeys([row["answer"], *row["answer_aliases"]]))
    return Record(str(row["id"]), "en", row["question"], answers, documents, gold, "musique")


PUBLIC_SETS: dict[str, PublicSet] = {
    "hotpotqa": PublicSet("hotpotqa/hotpot_qa", "distractor", "validation", _hotpotqa),
    "musique": PublicSet("dgslibisey/MuSiQue", None, "validation", _musique),
    "squad": PublicSet("rajpurkar/squad", None, "validation", _squad),
    "squad_v2": PublicSet("rajpurkar/squad_v2", None, "validation", _squad),
}
"""Sets by name; all are the development splits, whose answers are public."""

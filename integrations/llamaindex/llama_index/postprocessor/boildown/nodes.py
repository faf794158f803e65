"""From nodes to documents and back. Nodes that come in are never changed, and share no dictionary or list with those
that go out."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from types import NoneType
from typing import Any, TypeVar

from llama_index.core.schema import BaseNode, ImageNode, MetadataMode, Node, NodeWithScore, TextNode

from boildown.checks import series
from boildown.errors import InputError
from boildown.result import Compression
from boildown.settings import RETRIEVAL_SCORE, SPANS, copied, has_scores, report, reported_spans, title_of
from boildown.stored_scores import STORED_KEY
from boildown.types import CompressedDocument, Document

__all__ = ["NODE_ID", "check_nodes", "copy_node", "hide", "rebuild_nodes", "source_spans", "to_document"]

NODE_ID = "boildown_node_id"
"""Metadata key of the node's id, which outlives engines that split nodes once more under new ids."""

_CITED = re.compile(r"\ASource \d+:\n")
"""What a `CitationQueryEngine` writes before the text of a source."""

T = TypeVar("T", NodeWithScore, BaseNode)

_OTHER_CONTENT = (
    "image",
    "image_path",
    "image_url",
    "image_resource",
    "audio_resource",
    "video_resource",
    "obj",
    "index_id",
)


def check_nodes(nodes: Iterable[T], kind: type[T]) -> list[T]:
    """The nodes as a list.

    Raises:
        InputError: they are not a series of this kind.
    """
    found = series(nodes, kind, f"nodes must be a list of {kind.__name__}")
    for i, node in enumerate(found):
        if not isinstance(node, kind):
            hint = " Wrap it as NodeWithScore(node=node)." if isinstance(node, BaseNode) else ""
            raise InputError(f"nodes[{i}] must be a {kind.__name__}, not {type(node).__name__}.{hint}")
    return found


def to_document(node: BaseNode) -> Document:
    """The node's text without its metadata, with its title to help scoring, and its stored scores."""
    stored = {STORED_KEY: node.metadata[STORED_KEY]} if STORED_KEY in node.metadata else {}
    return Document(node.get_content(metadata_mode=MetadataMode.NONE), node.node_id, title_of(node.metadata), stored)


def rebuild_nodes(nodes: Sequence[NodeWithScore], result: Compression) -> list[NodeWithScore]:
    """The nodes of which text was kept, in the order of the result; where a blank query gave no scores, with their own.

    Nodes that hold something else than text (an image, a reference to another object) and no text at all take
    no part in the cut; they keep their places, or stand last if the result is reordered. Nodes that hold both go
    where none of their text is kept.

    Args:
        nodes: as they came, aligned with the documents of the result.
        result: made of `to_document` of each.
    """
    scored = has_scores(result)
    kept = [(d.index, _rebuild(nodes[d.index], d, report(d, result), scored)) for d in result.documents]
    beside = [
        (d.index, NodeWithScore(node=copy_node(nodes[d.index].node), score=nodes[d.index].score))
        for d in sorted(result.dropped, key=lambda d: d.index)
        if d.reason == "empty" and _holds_more_than_text(nodes[d.index].node)
    ]
    places = [place for place, _ in kept]
    if beside and places == sorted(places):
        return [node for _, node in sorted(kept + beside, key=lambda pair: pair[0])]
    return [node for _, node in kept + beside]


def _rebuild(
    source: NodeWithScore, document: CompressedDocument, stats: Mapping[str, Any], scored: bool
) -> NodeWithScore:
    node = copy_node(source.node)
    added = {**stats, NODE_ID: node.node_id}
    before = _earlier_spans(node)
    if before is not None:
        added[SPANS] = json.dumps([part for span in document.spans for part in _within(before, span.start, span.end)])
    if source.score is not None:
        added[RETRIEVAL_SCORE] = node.metadata.get(RETRIEVAL_SCORE, float(source.score))
    node.metadata.update(added)
    node.metadata.pop(STORED_KEY, None)  # They are the scores of the whole text.
    hide(node, added)
    if isinstance(node, TextNode):
        _narrow(node, document)
    if document.text != node.get_content(metadata_mode=MetadataMode.NONE):
        _replace_text(node, document.text)
    return NodeWithScore(node=node, score=float(document.score) if scored else source.score)


def _earlier_spans(node: BaseNode) -> list[tuple[int, int]] | None:
    """Where the node's text stands in the node of its id, if it has been cut from that before."""
    if node.metadata.get(NODE_ID) != node.node_id:
        return None
    try:
        spans = reported_spans(node.metadata, "node", "BoildownPostprocessor")
    except InputError:
        return None
    length = sum(end - start for start, end in spans)
    return spans if length == len(node.get_content(metadata_mode=MetadataMode.NONE)) else None


def _replace_text(node: BaseNode, text: str) -> None:
    """Sets the text, and clears the embeddings, which are those of another text; an image's own stays."""
    if isinstance(node, ImageNode):
        node.text_embedding = None
    else:
        node.embedding = None
    if isinstance(node, Node) and node.text_resource is not None:
        # set_content would replace the whole resource, and with it the text's type and address.
        node.text_resource = node.text_resource.model_copy(update={"text": text, "embeddings": None})
    else:
        node.set_content(text)


def _narrow(node: TextNode, document: CompressedDocument) -> None:
    """Moves the character range in the source document to the smallest that holds all that was kept."""
    start, end = node.start_char_idx, node.end_char_idx
    if start is None or end is None or end - start != len(node.text) or not document.spans:
        return  # The text is no plain slice of the source document: its characters have no known place there.
    node.start_char_idx = start + document.spans[0].start
    node.end_char_idx = start + document.spans[-1].end


def source_spans(node: BaseNode | NodeWithScore, text: str | None = None) -> list[tuple[int, int]]:
    """Where a node's text stands in the text of the node that it was cut from.

    Args:
        node: as `BoildownPostprocessor` returned it, or a source of an engine that has split it once more, such as a
            `CitationQueryEngine`.
        text: the text that went into the postprocessor, of several the first, which is that of the node by the id
            `metadata["boildown_node_id"]`. Only a part of a split node needs it.

    Returns:
        Character offsets (start, end) in that text, in order: the pieces, joined without glue, are the node's text. For
        a part of a split node they are those of the part, or of its first place if there are several; or of all that
        was kept, if the engine has changed more of the text than to write "Source 1:" before it.

    Raises:
        InputError: it is no node, or does not come from a `BoildownPostprocessor`; it is a part, and there is no text;
            or the text is none, or seen to be another node's, since it is too short, or a node that is no part was not
            cut from it. A part does not tell, since the engine may have changed it.
    """
    node = node.node if isinstance(node, NodeWithScore) else node
    if not isinstance(node, BaseNode):
        kind = type(node).__name__
        raise InputError(f"source_spans takes one node, as BoildownPostprocessor returned it, not a {kind}.")
    if not isinstance(text, (str, NoneType)):
        hint = " Give its get_content()." if hasattr(text, "get_content") else ""
        raise InputError(f"text= must be the original's text, not a {type(text).__name__}.{hint}")
    spans = reported_spans(node.metadata, "node", "BoildownPostprocessor")
    content = node.get_content(metadata_mode=MetadataMode.NONE)
    part = _CITED.sub("", content, count=1).strip()
    length = sum(end - start for start, end in spans)
    whole = len(part) == length or (len(content) == length and node.node_id == node.metadata.get(NODE_ID))
    if text is None:
        if whole:
            return spans
        raise InputError(
            "The node is a part of what was kept of its original. To find the part, give the original's text: "
            f"source_spans(node, index.docstore.get_node(node.metadata[{NODE_ID!r}]).text)."
        )
    kept = "".join(text[start:end] for start, end in spans)
    if len(kept) < length or (whole and kept not in (part, content)):
        why = "it is too short" if len(kept) < length else "the node was not cut from it"
        raise InputError(f"text= is not the text of the node {node.metadata.get(NODE_ID)!r}: {why}.")
    place = kept.find(part)
    return spans if whole or place < 0 else _within(spans, place, place + len(part))


def _within(spans: Sequence[tuple[int, int]], first: int, last: int) -> list[tuple[int, int]]:
    """The parts of spans that make the characters from `first` to `last` of the text that they make together."""
    found = []
    passed = 0
    for start, end in spans:
        begin, stop = max(start, start + first - passed), min(end, start + last - passed)
        if begin < stop:
            found.append((begin, stop))
        passed += end - start
    return found


def copy_node(node: BaseNode) -> BaseNode:
    """A copy that shares no dictionary or list with the node."""
    return node.model_copy(
        update={
            "metadata": copied(node.metadata),
            "embedding": None if node.embedding is None else list(node.embedding),
            "relationships": {kind: _copy_relation(related) for kind, related in node.relationships.items()},
            "excluded_llm_metadata_keys": list(node.excluded_llm_metadata_keys),
            "excluded_embed_metadata_keys": list(node.excluded_embed_metadata_keys),
        }
    )


def hide(node: BaseNode, keys: Collection[str]) -> None:
    """Shows metadata neither to the LLM nor to an embedding model. The node is changed."""
    for excluded in (node.excluded_llm_metadata_keys, node.excluded_embed_metadata_keys):
        excluded.extend([key for key in keys if key not in excluded])


def _copy_relation(related: Any) -> Any:
    if isinstance(related, list):
        return [_copy_relation(one) for one in related]
    return related.model_copy(update={"metadata": copied(related.metadata)})


def _holds_more_than_text(node: BaseNode) -> bool:
    return any(getattr(node, name, None) is not None for name in _OTHER_CONTENT)

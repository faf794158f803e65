"""What nodes hold beside their text."""

from __future__ import annotations

from typing import Any

import pytest
from llama_index.core.schema import BaseNode, ImageNode, IndexNode, MediaResource, Node, NodeWithScore, TextNode

from llama_index.postprocessor.boildown import BoildownPostprocessor

TEXT = "The mill stands by the river. Its wheel was made of elm in 1782 and turned for ninety years. Herons fish."


def compress(nodes: list[NodeWithScore], **arguments: Any) -> list[NodeWithScore]:
    postprocessor = BoildownPostprocessor(method="bm25", **arguments)
    return postprocessor.postprocess_nodes(nodes, query_str="When was the wheel of the mill made?")


@pytest.mark.parametrize("order", ["original", "score"])
def test_nodes_that_hold_something_else_than_text_pass(order: str) -> None:
    picture = ImageNode(id_="picture", image_url="https://example.org/mill.png")
    sound = Node(id_="sound", audio_resource=MediaResource(url="https://example.org/mill.mp3"))
    reference = IndexNode(id_="reference", text="", index_id="mills")
    nodes = [
        NodeWithScore(node=TextNode(id_="other", text="Nothing of interest is said here at all."), score=0.9),
        NodeWithScore(node=picture, score=0.7),
        NodeWithScore(node=TextNode(id_="mill", text=TEXT), score=0.6),
        NodeWithScore(node=TextNode(id_="blank", text=" \n"), score=0.5),
        NodeWithScore(node=sound, score=0.4),
        NodeWithScore(node=reference, score=0.3),
    ]
    kept = compress(nodes, order=order, tokens=1000)
    first = {"original": ["other", "picture", "mill"], "score": ["mill", "other", "picture"]}
    assert [n.node_id for n in kept] == [*first[order], "sound", "reference"]
    beside = {n.node_id: n for n in kept}
    assert beside["picture"].score == 0.7
    assert beside["picture"].node == picture
    assert beside["picture"].node is not picture


@pytest.mark.parametrize(
    ("node", "left"),
    [
        (TextNode(text=TEXT, embedding=[0.5]), {"embedding": None}),
        (ImageNode(text=TEXT, embedding=[0.5], text_embedding=[0.2]), {"embedding": [0.5], "text_embedding": None}),
        (
            Node(text_resource=MediaResource(text=TEXT, mimetype="text/plain", embeddings={"dense": [0.5]})),
            {"text_resource": MediaResource(text="", mimetype="text/plain")},
        ),
    ],
)
def test_embeddings_of_the_whole_text_go_when_it_is_cut(node: BaseNode, left: dict[str, Any]) -> None:
    (whole,) = compress([NodeWithScore(node=node)], tokens=1000)
    assert {name: getattr(whole.node, name) for name in left} == {name: getattr(node, name) for name in left}
    (cut,) = compress([NodeWithScore(node=node)], tokens=20)
    found = {name: getattr(cut.node, name) for name in left}
    if "text_resource" in found:
        found["text_resource"] = found["text_resource"].model_copy(update={"text": ""})
    assert found == left

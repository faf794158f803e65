"""One model in a process, however many postprocessors name it: a real token classifier, small, of random weights."""

from __future__ import annotations

import asyncio
import copy
import gc
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.schema import NodeWithScore, TextNode

from llama_index.postprocessor.boildown import BoildownPostprocessor

QUERY = "When was the lighthouse lit?"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertForTokenClassification, PreTrainedTokenizerFast

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    letters = "abcdefghijklmnopqrstuvwxyz0123456789.,'"
    pieces = [*special, *letters, *(f"##{letter}" for letter in letters)]
    raw = Tokenizer(models.WordPiece({piece: i for i, piece in enumerate(pieces)}, unk_token="[UNK]"))
    raw.normalizer = normalizers.BertNormalizer()
    raw.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    raw.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    names = dict(zip(("pad", "unk", "cls", "sep", "mask"), special, strict=True))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, **{f"{k}_token": v for k, v in names.items()})
    config = BertConfig(
        vocab_size=len(pieces), hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4
    )
    folder = tmp_path_factory.mktemp("classifier")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        BertForTokenClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def postprocessor(model: Path) -> BoildownPostprocessor:
    return BoildownPostprocessor(rate=0.5, method="llmlingua2", model=str(model), device="cpu", dtype="float32")


def texts(nodes: list[NodeWithScore]) -> list[str]:
    return [node.node.get_content() for node in nodes]


def loaded() -> int:
    from boildown.runtime.token_classifier import TokenClassifier

    gc.collect()
    return sum(type(thing) is TokenClassifier for thing in gc.get_objects())


def test_copies_threads_and_event_loops_share_it(postprocessor: Any, nodes: list[NodeWithScore]) -> None:
    from boildown.runtime.models import release

    release()
    expected = texts(postprocessor.postprocess_nodes(nodes, query_str=QUERY))
    assert 0 < sum(map(len, expected)) < sum(len(n.node.get_content()) for n in nodes)
    # After use a pickle is still the settings alone.
    assert len(pickle.dumps(postprocessor)) < 2000
    many = [
        *(copy.deepcopy(postprocessor) for _ in range(3)),
        *(pickle.loads(pickle.dumps(postprocessor)) for _ in range(3)),
        *(BoildownPostprocessor.from_dict(postprocessor.to_dict()) for _ in range(3)),
    ]

    def work(one: BoildownPostprocessor) -> list[list[str]]:
        async def both() -> list[Any]:
            return await asyncio.gather(*(one.apostprocess_nodes(nodes, query_str=QUERY) for _ in range(2)))

        return [texts(one.postprocess_nodes(nodes, query_str=QUERY)), *map(texts, asyncio.run(both()))]

    with ThreadPoolExecutor(4) as pool:
        assert all(found == [expected] * 3 for found in pool.map(work, many))
    assert loaded() == 1
    del many
    release()
    assert loaded() == 0


def test_all_nodes_together_give_what_each_gives_alone(model: Path) -> None:
    settings: dict[str, Any] = {"method": "llmlingua2", "model": str(model), "device": "cpu", "dtype": "float32"}
    nodes = [NodeWithScore(node=TextNode(id_=str(i), text=f"A tale of {i} ships. " * (i + 1))) for i in range(6)]
    together = BoildownPostprocessor(threshold=0.0, **settings)
    each = [together.postprocess_nodes([node], query_str=QUERY)[0] for node in nodes]
    scores = [node.score for node in together.postprocess_nodes(nodes, query_str=QUERY)]
    assert scores == pytest.approx([node.score for node in each], abs=1e-5)


def test_a_pickle_works_in_another_process(postprocessor: Any, nodes: list[NodeWithScore], tmp_path: Path) -> None:
    expected = texts(postprocessor.postprocess_nodes(nodes, query_str=QUERY))
    path = tmp_path / "pickled"
    path.write_bytes(pickle.dumps((postprocessor, nodes, expected)))
    script = """
import pickle, sys
with open(sys.argv[1], "rb") as file:
    postprocessor, nodes, expected = pickle.load(file)
assert "torch" not in sys.modules
kept = postprocessor.postprocess_nodes(nodes, query_str="When was the lighthouse lit?")
assert [node.node.get_content() for node in kept] == expected
"""
    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

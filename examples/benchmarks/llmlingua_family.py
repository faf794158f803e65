"""The llmlingua package, our exact mode and our corrected mode side by side on the same weights.

Each system runs in a process of its own, one after the other, `--repeat` times in turn, so that all of them see the
same machine. Seconds are medians; peak memory is what the process had in use at most beyond what loading took.

    python examples/benchmarks/llmlingua_family.py --causal path/to/causal-model --classifier path/to/token-classifier
    python examples/benchmarks/llmlingua_family.py --random gpt2     # random weights in the size of GPT-2 small

llmlingua needs a tiktoken table: on a machine without a network, point TIKTOKEN_CACHE_DIR at a folder that has it.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

SYSTEMS = ("llmlingua", "exact", "corrected")
CAUSAL_SIZES = {
    "gpt2": {"n_embd": 768, "n_layer": 12, "n_head": 12},
    "tiny": {"n_embd": 64, "n_layer": 2, "n_head": 2},
}
CALLS: dict[str, dict[str, Any]] = {
    "llmlingua": {},
    "longllmlingua": {
        "rank_method": "longllmlingua",
        "condition_in_question": "after_condition",
        "reorder_context": "sort",
        "dynamic_context_compression_ratio": 0.3,
        "condition_compare": True,
    },
    "llmlingua2": {"use_context_level_filter": True},
}
QUESTION = "How many days of notice does a member have to give?"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--causal", help="folder of a causal language model")
    parser.add_argument("--classifier", help="folder of a token classifier of LLMLingua-2's kind")
    parser.add_argument("--random", choices=sorted(CAUSAL_SIZES), help="make a causal model with random weights")
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[1] / "data" / "handbook")
    parser.add_argument("--documents", type=int, default=20)
    parser.add_argument("--words", type=int, default=110, help="words of a document")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        print(json.dumps(run(json.loads(arguments.worker))))
        return
    documents = read_documents(arguments.data, arguments.documents, arguments.words)
    with tempfile.TemporaryDirectory() as folder:
        causal = arguments.causal
        if arguments.random:
            causal = make_causal(Path(folder), CAUSAL_SIZES[arguments.random], documents)
        methods = {"llmlingua": causal, "longllmlingua": causal, "llmlingua2": arguments.classifier}
        for method, model in methods.items():
            if model:
                compare(method, str(model), documents, arguments.repeat)


def compare(method: str, model: str, documents: list[str], repeat: int) -> None:
    runs: dict[str, list[dict[str, Any]]] = {system: [] for system in SYSTEMS}
    for _ in range(repeat):
        for system in SYSTEMS:
            task = {"system": system, "method": method, "model": model, "documents": documents}
            command = [sys.executable, __file__, "--worker", json.dumps(task)]
            output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            runs[system].append(json.loads(output.splitlines()[-1]))
    base = statistics.median(run["seconds"] for run in runs["llmlingua"])
    print(f"{method}: {runs['llmlingua'][0]['tokens']} tokens in {len(documents)} documents")
    for system, found in runs.items():
        seconds = statistics.median(run["seconds"] for run in found)
        print(
            f"  {system:10} {seconds:8.2f} s ({base / seconds:4.1f}x)  {found[0]['forwards']:4} forwards  "
            f"{found[0]['forwarded']:7} tokens forwarded  {found[0]['mebibytes']:6} MiB  kept {found[0]['kept']}"
        )


def run(task: dict[str, Any]) -> dict[str, Any]:
    warnings.simplefilter("ignore")
    compressor, model = build(task["system"], task["model"], task["method"] == "llmlingua2")
    counted: list[int] = []
    if model is not None:
        model.register_forward_pre_hook(
            lambda module, args, kwargs: counted.append(
                (kwargs["input_ids"] if "input_ids" in kwargs else args[0]).numel()
            ),
            with_kwargs=True,
        )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begin = time.perf_counter()
    result = compressor.compress_prompt(task["documents"], question=QUESTION, rate=0.5, **CALLS[task["method"]])
    seconds = time.perf_counter() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return {
        "seconds": seconds,
        "forwards": len(counted),
        "forwarded": sum(counted),
        "mebibytes": peak // 1024,
        "tokens": result["origin_tokens"],
        "kept": result["rate"],
    }


def build(system: str, folder: str, classifier: bool) -> tuple[Any, Any]:
    """A loaded compressor, and the module whose forwards are counted."""
    if system == "llmlingua":
        compressor = load_reference(folder, classifier)
        return compressor, compressor.model.base_model
    from boildown.compat import PromptCompressor

    exact = system == "exact"
    if classifier and not exact:  # our own encoder, in the precision that the machine is best at
        ours = PromptCompressor(folder, "cpu", use_llmlingua2=True)
    else:
        ours = PromptCompressor(folder, "cpu", {"dtype": "float32"}, use_llmlingua2=classifier, exact=exact)
    ours.compress_prompt("This loads the model.", rate=0.5)
    return ours, None if classifier and not exact else ours.model.base_model


def load_reference(folder: str, classifier: bool) -> Any:
    """llmlingua on today's transformers: lists of keys and values become Cache objects and back at its `get_ppl`."""
    from llmlingua import PromptCompressor
    from transformers import DynamicCache

    compressor = PromptCompressor(
        folder, device_map="cpu", use_llmlingua2=classifier, model_config={"trust_remote_code": False}
    )
    plain = compressor.get_ppl

    class Pairs(DynamicCache):
        def __getitem__(self, layer: int) -> tuple[Any, Any]:
            return self.layers[layer].keys, self.layers[layer].values

    def get_ppl(*args: Any, past_key_values: Any = None, return_kv: bool = False, **kwargs: Any) -> Any:
        cache = None
        if past_key_values is not None:
            cache = Pairs()
            for layer, (keys, values) in enumerate(past_key_values):
                cache.update(keys, values, layer)
        result = plain(*args, past_key_values=cache, return_kv=return_kv, **kwargs)
        return (result[0], [[layer.keys, layer.values] for layer in result[1].layers]) if return_kv else result

    if not classifier:
        compressor.get_ppl = get_ppl
    return compressor


def make_causal(folder: Path, size: dict[str, int], texts: list[str]) -> Path:
    """A GPT-2 with random weights and the vocabulary size of the original."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    raw.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=8000, special_tokens=["<|endoftext|>"], initial_alphabet=alphabet)
    )
    PreTrainedTokenizerFast(
        tokenizer_object=raw, bos_token="<|endoftext|>", eos_token="<|endoftext|>", unk_token="<|endoftext|>"
    ).save_pretrained(folder)
    torch.manual_seed(0)
    GPT2LMHeadModel(GPT2Config(bos_token_id=0, eos_token_id=0, **size)).save_pretrained(folder)
    return folder


def read_documents(folder: Path, count: int, words: int) -> list[str]:
    every = " ".join(path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.*"))).split()
    every = every * (1 + count * words // len(every))
    return [" ".join(every[i * words : (i + 1) * words]) for i in range(count)]


if __name__ == "__main__":
    main()

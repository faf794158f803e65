"""Every published argument is taken, by name and with its default, and the migration page says what became of it."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest

from boildown.compat import PromptCompressor
from boildown.compat.arguments import Arguments

PAGE = Path(__file__).resolve().parents[2] / "examples" / "migrating_from_llmlingua.md"
METHODS = (
    "__init__",
    "compress_prompt",
    "compress_prompt_llmlingua2",
    "structured_compress_prompt",
    "compress_json",
    "recover",
    "get_token_length",
)
OTHERWISE = {
    "device_map": "auto",  # theirs fails where there is no CUDA
    "model_config": None,
    "open_api_config": None,
    "llmlingua2_config": None,  # a dictionary as a default would be shared
    "json_config": None,
    "force_context_ids": None,
}


def parameters(method: str) -> dict[str, Any]:
    from llmlingua import PromptCompressor as Published

    found = inspect.signature(getattr(Published, method)).parameters
    return {name: parameter.default for name, parameter in found.items() if name != "self"}


def ours(method: str) -> dict[str, Any]:
    renamed = {"use_keyvalue_level_filter": False, "reorder_keyvalue": "original"} if method == "compress_json" else {}
    found = inspect.signature(getattr(PromptCompressor, method)).parameters
    explicit = {name: parameter.default for name, parameter in found.items() if name not in ("self", "arguments")}
    defaults = Arguments()
    fields = {name: getattr(defaults, name) for name in Arguments.__dataclass_fields__}
    if method == "compress_prompt_llmlingua2":
        fields["use_context_level_filter"] = False
    return {**(fields if "arguments" in found else {}), **renamed, **explicit}


@pytest.mark.parametrize("method", METHODS)
def test_every_argument_is_taken_with_its_default(method: str) -> None:
    known = ours(method)
    for name, default in parameters(method).items():
        assert name in known, name
        value = list(known[name]) if isinstance(known[name], tuple) else known[name]
        assert value == OTHERWISE.get(name, default), name


def test_the_page_has_every_argument() -> None:
    page = PAGE.read_text(encoding="utf-8")
    missing = {name for method in METHODS for name in parameters(method) if f"`{name}`" not in page}
    assert missing <= {"original_prompt", "compressed_prompt", "response", "text", "add_special_tokens",
                       "use_oai_tokenizer"}  # fmt: skip
    assert "recover(original_prompt, compressed_prompt, response)" in page

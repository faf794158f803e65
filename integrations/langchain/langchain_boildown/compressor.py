"""The document compressor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.callbacks import Callbacks, adispatch_custom_event, dispatch_custom_event
from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda
from typing_extensions import TypedDict

from boildown import InputError
from boildown.fields import EngineFields
from boildown.methods.base import Method
from boildown.settings import Engine, statistics
from langchain_boildown.documents import check_documents, from_langchain, to_langchain

__all__ = ["BoildownCompressor"]

_DOCUMENT_KEYS = ("documents", "context")
_QUERY_KEYS = ("query", "question", "input")


class _Input(TypedDict, total=False):
    """What schemas and tools show of the step's input, of which any mapping with one of the keys will do."""

    documents: list[Document]
    query: str


class BoildownCompressor(EngineFields, BaseDocumentCompressor):
    """Boils retrieved documents down to what the query needs, all of them together within one budget.

    Give exactly one of `tokens`, `rate` and `threshold`. Building a compressor loads nothing and needs no
    network; copies and pickles carry no weights, and all compressors of a process share the models they name.

    What comes out are plain `Document`s, only those of which text was kept, in the order that `order` asks
    for. Each has its original's id and a copy of its metadata, with these keys added (flat values, so that
    any vector store accepts them):

    - `relevance_score` (float): the document's relevance to the query, as LangChain's rerankers name it; a blank
      query gives none, and leaves one that is there already;
    - `boildown_retrieval_score`: the `relevance_score` that the document came with, if it had one;
    - `boildown_index` (int): the original's place among the documents that went in;
    - `boildown_spans` (str): JSON, the kept character ranges of the original's text; see `source_spans`;
    - `boildown_tokens_in`, `boildown_tokens_out` (int): the document's tokens before and after;
    - `boildown_method` (str): the method that scored.

    Each call is a run of its own for tracers and callbacks, and sends them a custom event named "boildown"
    with counts, times, notes, and the documents that were dropped, each with its reason.

    Args:
        tokens: keep at most this many tokens of all documents together, joined by `separator`.
        rate: keep at most this share of the tokens, 0 to 1.
        threshold: keep every unit that scores at least this much.
        documents: keep text of at most this many documents, the most relevant ones.
        counter: whose tokens: None for the built-in estimate, a tiktoken encoding, an LLM's name, a Hugging
            Face tokenizer (its path, its hub id, or the object), or a callable from a string to a number.
        separator: what the chain puts between documents; it counts towards the budget.
        method, model, rank, rank_model, device, dtype, options, min_sentence, on_empty_query, cache: how text is
            scored; see `boildown.Compressor`.
        unit, order, allocation, spread, protect, patterns, dedupe: how it is cut; see
            `boildown.select.plan.Plan`.
        engine: compresses instead of a `boildown.Compressor` built from the arguments above, of which only
            the budget's may then be given: a `boildown.Client`, or a compressor that you have already. JSON cannot
            hold it, nor a counter that is an object: `model_dump_json` says so.

    Raises:
        ConfigurationError: an argument is unknown or wrong, or two exclude each other.
    """

    separator: str = "\n\n"

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> list[Document]:
        """Keeps what the query needs of the documents.

        Args:
            documents: as retrieved; they are not changed, and one object may come twice.
            query: the question, in the user's words.
            callbacks: a parent run's, or handlers; None takes those of the surrounding run, if there is one.

        Returns:
            New documents; see the class. Empty where nothing came in or nothing fits the budget.

        Raises:
            InputError: the query or a document is not what it should be.
            ModelError: a model cannot be loaded.
        """
        return self.as_runnable().invoke({"documents": documents, "query": query}, {"callbacks": callbacks})

    async def acompress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> list[Document]:
        """`compress_documents` without blocking the event loop."""
        return await self.as_runnable().ainvoke({"documents": documents, "query": query}, {"callbacks": callbacks})

    def as_runnable(self) -> Runnable[Any, list[Document]]:
        """This compressor as a step of a chain (LCEL).

        Its input is a mapping with the documents under "documents" or "context" and the query under "query",
        "question" or "input" (the first that is there); other keys are of no matter. So it fits in

            {"documents": retriever, "query": RunnablePassthrough()} | compressor.as_runnable()
            RunnablePassthrough.assign(context=compressor.as_runnable())

        A bare list of documents will do where the method reads no query. Schemas and `as_tool` show "documents" and
        "query".

        Raises:
            InputError: when it runs, if the input has no documents or no query.
        """
        step = RunnableLambda(self._invoke, self._ainvoke, name=type(self).__name__)
        return step.with_types(input_type=_Input, output_type=list[Document])

    def _invoke(self, inputs: Mapping[str, Any] | Sequence[Document], config: RunnableConfig) -> list[Document]:
        engine, budget = self._engine_and_budget()
        documents, query = _read(inputs, engine)
        result = engine.compress(query, from_langchain(documents), budget)
        dispatch_custom_event("boildown", statistics(result), config=config)
        return to_langchain(result, documents)

    async def _ainvoke(self, inputs: Mapping[str, Any] | Sequence[Document], config: RunnableConfig) -> list[Document]:
        engine, budget = self._engine_and_budget()
        documents, query = _read(inputs, engine)
        result = await engine.acompress(query, from_langchain(documents), budget)
        await adispatch_custom_event("boildown", statistics(result), config=config)
        return to_langchain(result, documents)


def _read(inputs: Any, engine: Engine) -> tuple[list[Document], str]:
    if isinstance(inputs, Mapping):
        return check_documents(_first(inputs, _DOCUMENT_KEYS)), _first(inputs, _QUERY_KEYS)
    if _reads_query(engine):
        raise InputError(
            f"The method reads the query, and the input is a {type(inputs).__name__} without one. "
            'Pass both: {"documents": retriever, "query": RunnablePassthrough()} | compressor.as_runnable()'
        )
    return check_documents(inputs), ""


def _reads_query(engine: Engine) -> bool:
    methods = [getattr(engine, name, None) for name in ("method", "rank")]
    return any(method.uses_query for method in methods if isinstance(method, Method)) or methods[0] is None


def _first(inputs: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    for key in keys:
        if key in inputs:
            return inputs[key]
    raise InputError(
        f"The input needs one of the keys {', '.join(keys)}; it has {', '.join(map(str, inputs)) or 'none'}."
    )

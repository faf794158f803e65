"""The transform, for ingestion pipelines."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from llama_index.core.bridge.pydantic import ConfigDict, StrictInt, ValidationError
from llama_index.core.schema import BaseNode, TransformComponent

from boildown.errors import ModelError
from boildown.fields import Place
from boildown.methods.stored import Stored, storing_method
from boildown.settings import invalid_settings
from boildown.sources import Sources
from boildown.stored_scores import STORED_KEY
from boildown.workers import run_in_worker
from llama_index.postprocessor.boildown.nodes import check_nodes, copy_node, hide, to_document

__all__ = ["BoildownTransform"]

_FINGERPRINT = "fingerprint"


class BoildownTransform(TransformComponent):
    """Scores nodes once, when they are ingested, for methods that don't read the query.

    Each node that comes out is a copy with one more metadata key, `boildown_scores`: a string, four to six characters
    for each token, that any vector store takes, and that neither the LLM nor an embedding model is shown. A
    `BoildownPostprocessor` of the same method, model and options then reads it, and runs no model. What has changed
    since (the text, the model's files, an option) is noticed, and scored again at query time. So this belongs after
    node parsers; and nodes that carry scores which still fit pass through unscored. It belongs after metadata
    extractors too, which by default show their LLM all metadata, hidden or not; or give them
    `metadata_mode=MetadataMode.EMBED`.

    Building a transform loads nothing, and pickles carry no weights, so that a pipeline's worker processes each load
    the model for themselves. `to_dict` holds a fingerprint of the model's files, so that a pipeline's cache does not
    outlive a change of the model. The asynchronous face scores on a thread.

    Args:
        method: a method that does not read the query, such as "llmlingua2".
        model, device, dtype, options, min_sentence: as the `BoildownPostprocessor` will have them; the device may
            differ. A postprocessor with dtype="auto" takes scores of any precision.

    Raises:
        ConfigurationError: the method reads the query, or an argument is unknown or wrong.
    """

    model_config = ConfigDict(extra="forbid", protected_namespaces=())

    method: str = "llmlingua2"
    model: Place | None = None
    device: str = "auto"
    dtype: str = "auto"
    options: dict[str, Any] | None = None
    min_sentence: StrictInt = 3

    if not TYPE_CHECKING:  # Type checkers take the arguments from the fields.

        def __init__(self, **settings: Any) -> None:
            try:
                super().__init__(**settings)
            except ValidationError as error:
                raise invalid_settings(error, "BoildownTransform", type(self).model_fields) from None
            self._stored()

    @classmethod
    def class_name(cls) -> str:
        """The name under which the transform is serialised."""
        return "BoildownTransform"

    def to_dict(self, **kwargs: Any) -> dict[str, Any]:
        """The arguments, with a fingerprint of the method and the model's files; None if there is no such model."""
        try:
            fingerprint = self._stored().fingerprint()
        except ModelError:
            fingerprint = None
        return {**super().to_dict(**kwargs), _FINGERPRINT: fingerprint}

    @classmethod
    def from_dict(cls, data: dict[str, Any], **kwargs: Any) -> BoildownTransform:
        """A transform from what `to_dict` gave; the fingerprint is not read."""
        made: BoildownTransform = super().from_dict(
            {name: value for name, value in data.items() if name != _FINGERPRINT}, **kwargs
        )
        return made

    def __call__(self, nodes: Sequence[BaseNode], **kwargs: Any) -> list[BaseNode]:
        """Copies of the nodes, with their scores.

        Raises:
            InputError: something else than nodes came.
            ModelError: the model cannot be loaded.
        """
        listed = check_nodes(nodes, BaseNode)  # type: ignore[type-abstract]
        values = self._stored().values(Sources([to_document(node) for node in listed], self.min_sentence))
        return [_with_scores(node, value) for node, value in zip(listed, values, strict=True)]

    async def acall(self, nodes: Sequence[BaseNode], **kwargs: Any) -> list[BaseNode]:
        """As a call, without blocking the event loop."""
        return await run_in_worker(partial(self.__call__, nodes, **kwargs))

    def _stored(self) -> Stored:
        return storing_method(self.method, model=self.model, device=self.device, dtype=self.dtype, options=self.options)


def _with_scores(node: BaseNode, value: str) -> BaseNode:
    copy = copy_node(node)
    copy.metadata[STORED_KEY] = value
    hide(copy, [STORED_KEY])
    return copy

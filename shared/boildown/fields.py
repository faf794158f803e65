"""The settings of an engine and a budget as fields of a pydantic model, which both frameworks' components are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, StrictFloat, StrictInt, ValidationError

from boildown.budget import Budget
from boildown.compressor import EmptyQuery
from boildown.methods.registry import DEFAULT_METHOD
from boildown.select.plan import Allocation, Order
from boildown.settings import SETTINGS, Engine, build_engine, invalid_settings
from boildown.types import Unit

__all__ = ["EngineFields"]


class EngineFields(BaseModel):
    """Arguments of `boildown.Budget` and `boildown.Compressor` by their own names, as plain values; or an engine.

    Raises:
        ConfigurationError: an argument is unknown or wrong, or two exclude each other.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid", protected_namespaces=())

    tokens: StrictInt | None = None
    rate: StrictFloat | None = None
    threshold: StrictFloat | None = None
    documents: StrictInt | None = None
    counter: Any = None
    method: str = DEFAULT_METHOD
    model: str | None = None
    rank: str | None = None
    rank_model: str | None = None
    device: str = "auto"
    dtype: str = "auto"
    options: dict[str, Any] | None = None
    unit: Unit | None = None
    order: Order = "original"
    allocation: Allocation = "global"
    spread: StrictFloat = 0.25
    protect: list[str] | None = None
    patterns: list[str] = Field(default_factory=list)
    dedupe: StrictFloat | None = None
    min_sentence: StrictInt = 3
    on_empty_query: EmptyQuery = "passthrough"
    cache: bool | str = True
    engine: Any = Field(default=None, exclude=True, repr=False)

    if not TYPE_CHECKING:  # Type checkers take the arguments from the fields.

        def __init__(self, **settings: Any) -> None:
            try:
                super().__init__(**settings)
            except ValidationError as error:
                raise invalid_settings(error, type(self).__name__, type(self).model_fields) from None
            self._engine_and_budget()

    def _engine_and_budget(self) -> tuple[Engine, Budget]:
        # Built anew for each call: it holds no model, and so it always agrees with the fields.
        names = SETTINGS & type(self).model_fields.keys()
        return build_engine({name: getattr(self, name) for name in names}, self.engine)

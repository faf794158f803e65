"""The settings of an engine and a budget as fields of a pydantic model, which both frameworks' components are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictFloat,
    StrictInt,
    ValidationError,
    field_serializer,
)
from pydantic_core import PydanticSerializationError

from boildown.budget import Budget
from boildown.compressor import EmptyQuery
from boildown.errors import ConfigurationError
from boildown.methods.registry import DEFAULT_METHOD
from boildown.select.plan import Allocation, Order
from boildown.settings import SETTINGS, Engine, build_engine, invalid_settings
from boildown.types import Unit

__all__ = ["EngineFields", "Place"]

_PATHS = BeforeValidator(lambda value: str(value) if isinstance(value, Path) else value)
Place = Annotated[str, _PATHS]
"""Where something is; a path too, which JSON would not hold."""

_OBJECTS = {"counter": "a counter by its name", "engine": "settings in place of an engine"}
"""Settings that may be objects, and what to give where they must not."""


class EngineFields(BaseModel):
    """Arguments of `boildown.Budget` and `boildown.Compressor` by their own names, as plain values; or an engine.

    A dictionary of the fields holds a counter or an engine that is an object as it is. JSON cannot, and is refused
    then, since what is read back would count or compress otherwise.

    Raises:
        ConfigurationError: an argument is unknown or wrong, or two exclude each other.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid", protected_namespaces=())

    tokens: StrictInt | None = None
    rate: StrictFloat | None = None
    threshold: StrictFloat | None = None
    documents: StrictInt | None = None
    counter: Annotated[Any, _PATHS] = None
    method: str = DEFAULT_METHOD
    model: Place | None = None
    rank: str | None = None
    rank_model: Place | None = None
    device: str = "auto"
    dtype: str = "auto"
    options: dict[str, Any] | None = None
    unit: Unit | None = None
    order: Order = "original"
    allocation: Allocation = "global"
    spread: StrictFloat = 0.25
    protect: list[str] | None = None
    patterns: list[str] = Field(default_factory=list)
    dedupe: StrictFloat | Literal["long"] | None = "long"
    min_sentence: StrictInt = 3
    on_empty_query: EmptyQuery = "passthrough"
    cache: bool | Place = True
    engine: Any = Field(default=None, repr=False)

    if not TYPE_CHECKING:  # Type checkers take the arguments from the fields.

        def __init__(self, **settings: Any) -> None:
            try:
                super().__init__(**settings)
            except ValidationError as error:
                raise invalid_settings(error, type(self).__name__, type(self).model_fields) from None
            self._engine_and_budget()

    def model_dump(self, **options: Any) -> dict[str, Any]:
        """The fields as a dictionary.

        Args:
            options: as pydantic has them, such as `exclude`.

        Raises:
            ConfigurationError: in the mode "json", if a counter or an engine is an object.
        """
        with self._in_own_words():
            return super().model_dump(**options)

    def model_dump_json(self, **options: Any) -> str:
        """The fields as JSON.

        Args:
            options: as pydantic has them, such as `exclude`.

        Raises:
            ConfigurationError: a counter or an engine is an object.
        """
        with self._in_own_words():
            return super().model_dump_json(**options)

    @field_serializer(*_OBJECTS, when_used="json")
    def _as_json(self, value: Any) -> str | None:
        if value is None or isinstance(value, str):
            return value
        raise self._unwritable()

    @contextmanager
    def _in_own_words(self) -> Iterator[None]:
        try:
            yield
        except PydanticSerializationError:  # pydantic puts what `_as_json` raises into one of these
            if self._objects():
                raise self._unwritable() from None
            raise

    def _objects(self) -> list[str]:
        return [name for name in _OBJECTS if not isinstance(getattr(self, name), (str, type(None)))]

    def _unwritable(self) -> ConfigurationError:
        names = self._objects()
        return ConfigurationError(
            f"{' and '.join(f'{name}=' for name in names)} cannot be written to JSON. Give "
            f"{', and '.join(_OBJECTS[name] for name in names)}; or leave out what cannot with "
            f"exclude={{{', '.join(map(repr, names))}}}, and give it anew to what is read back."
        )

    def _engine_and_budget(self) -> tuple[Engine, Budget]:
        # Built anew for each call: it holds no model, and so it always agrees with the fields.
        names = SETTINGS & type(self).model_fields.keys()
        return build_engine({name: getattr(self, name) for name in names}, self.engine)

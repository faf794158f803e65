"""The records of a block: read from JSONL or Parquet, and written again with their scores and nothing else changed."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from boildown.corpus.blocks import Block, open_parquet
from boildown.errors import InputError
from boildown.json_lines import finite, open_lines, parse_line
from boildown.stored_scores import STORED_KEY
from boildown.types import Document

__all__ = ["Rows", "read_rows"]

_COLUMNS = ("text", "id", "metadata")


class Rows(Protocol):
    """The records of a block, in order.

    Attributes:
        numbers: the line or row of each, from 1.
        documents: each as a document, or why it is none.
    """

    numbers: list[int]
    documents: list[Document | InputError]

    def write(self, path: Path, values: Sequence[str | None]) -> None:
        """Writes the records that have a value, with it in their metadata under `STORED_KEY`.

        Args:
            path: the file to make; its ending says how.
            values: one for each record; None leaves the record out.
        """
        ...


def read_rows(block: Block) -> Rows:
    """Reads a block.

    Raises:
        OSError, EOFError: the file cannot be read.
    """
    return _ParquetRows(block) if block.part.endswith(".parquet") else _JsonRows(block)


class _JsonRows:
    def __init__(self, block: Block) -> None:
        self.numbers: list[int] = []
        self.documents: list[Document | InputError] = []
        self._records: list[dict[str, Any]] = []
        with open_lines(block.file) as file:
            file.seek(block.offset)
            skipped = 0 if block.offset else block.first - 1
            for number, line in enumerate(islice(file, skipped, skipped + block.lines), block.first):
                if line.isspace():
                    continue
                self.numbers.append(number)
                record: dict[str, Any] = {}
                try:
                    record = _parsed(line)
                    self.documents.append(_document(record))
                except InputError as error:
                    self.documents.append(error)
                self._records.append(record)

    def write(self, path: Path, values: Sequence[str | None]) -> None:
        with open(path, "wb") as raw:
            # Without a time and a name in its header, the same records give the same bytes.
            packed = gzip.GzipFile("", "wb", 6, raw, mtime=0) if path.name.endswith(".gz") else None
            for record, value in zip(self._records, values, strict=True):
                if value is not None:
                    metadata = {**(record.get("metadata") or {}), STORED_KEY: value}
                    (packed or raw).write(_line({**record, "metadata": metadata}))
            if packed is not None:
                packed.close()


class _ParquetRows:
    """Other columns pass through as they are; metadata may be a struct, a map, JSON in a string, or not there."""

    def __init__(self, block: Block) -> None:
        import pyarrow

        with open_parquet(block.file) as file:
            schema = file.schema_arrow
            if "text" not in schema.names:
                raise OSError(f'It has no column "text" but {", ".join(schema.names)}.')
            for name in _COLUMNS:
                if schema.names.count(name) > 1:
                    raise OSError(f'It has {schema.names.count(name)} columns "{name}", and one is expected.')
            if "metadata" in schema.names and not _takes_scores(kind := schema.field("metadata").type):
                raise OSError(f'Its column "metadata" is {kind}; a struct, a map or JSON in strings can take scores.')
            batches = list(_rows(file, block.first - 1, block.lines))
        self._table = pyarrow.Table.from_batches(batches, schema=schema)
        columns = {name: self._table.column(name).to_pylist() for name in _COLUMNS if name in schema.names}
        is_map = "metadata" in columns and pyarrow.types.is_map(schema.field("metadata").type)
        self.numbers = list(range(block.first, block.first + self._table.num_rows))
        self.documents: list[Document | InputError] = []
        self._metadata: list[dict[str, Any]] = []
        for row in range(self._table.num_rows):
            metadata: dict[str, Any] = {}
            try:
                metadata = _plain(columns["metadata"][row], is_map) if "metadata" in columns else {}
                record = {name: values[row] for name, values in columns.items()} | {"metadata": metadata}
                self.documents.append(_document(record))
            except InputError as error:
                self.documents.append(error)
            self._metadata.append(metadata)

    def write(self, path: Path, values: Sequence[str | None]) -> None:
        import pyarrow
        from pyarrow import parquet

        kept = [row for row, value in enumerate(values) if value is not None]
        table = self._table.take(pyarrow.array(kept, pyarrow.int64()))  # no type can be seen in an empty list
        place = table.schema.get_field_index("metadata")
        kind = table.schema.field(place).type if place >= 0 else None
        metadata, scores = [self._metadata[row] for row in kept], [str(values[row]) for row in kept]
        column = _metadata_column(kind, metadata, scores, table)
        table = table.append_column("metadata", column) if place < 0 else table.set_column(place, "metadata", column)
        parquet.write_table(table, path, compression="zstd")


def _parsed(line: bytes) -> dict[str, Any]:
    record = parse_line(line)
    if not isinstance(record, dict):
        raise InputError(f"a document must be a JSON object, not {type(record).__name__}")
    return record


def _document(record: Mapping[str, Any]) -> Document:
    text, metadata, id = record.get("text"), record.get("metadata"), record.get("id")
    if not isinstance(text, str):
        raise InputError('"text" is missing' if text is None else f'"text" must be a string, not {type(text).__name__}')
    if metadata is not None and not isinstance(metadata, Mapping):
        raise InputError(f'"metadata" must be an object, not {type(metadata).__name__}')
    return Document(text, id=None if id is None else str(id), metadata=metadata or {})


def _line(record: Mapping[str, Any]) -> bytes:
    return _json(record).encode("utf-8") + b"\n"


def _json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:  # half of a surrogate pair has no UTF-8, only an escape
        return json.dumps(value)
    return text


def _plain(metadata: Any, is_map: bool) -> dict[str, Any]:
    """Metadata of a Parquet row as a dictionary: pyarrow gives a map as a list of pairs."""
    if metadata is None:
        return {}
    if is_map:
        return dict(metadata)
    if isinstance(metadata, str):
        try:
            metadata = json.loads(metadata, parse_float=finite)
        except (ValueError, RecursionError) as error:
            raise InputError(f'"metadata" is not JSON: {error}') from None
    if not isinstance(metadata, dict):
        raise InputError(f'"metadata" must be an object, not {type(metadata).__name__}')
    return metadata


def _rows(file: Any, first: int, count: int) -> Iterator[Any]:
    """Record batches of rows `first` and following; of the row groups only those that hold them are read."""
    begin = 0
    for group in range(file.metadata.num_row_groups):
        end = begin + file.metadata.row_group(group).num_rows
        if begin < first + count and first < end:
            place = begin
            for batch in file.iter_batches(batch_size=4096, row_groups=[group]):
                low, high = max(first, place), min(first + count, place + batch.num_rows)
                if low < high:
                    yield batch.slice(low - place, high - low)
                place += batch.num_rows
        begin = end


def _takes_scores(kind: Any) -> bool:
    from pyarrow import types

    if types.is_map(kind):
        return bool(types.is_string(kind.key_type) and types.is_string(kind.item_type))
    return any(is_kind(kind) for is_kind in (types.is_null, types.is_struct, types.is_string, types.is_large_string))


def _metadata_column(kind: Any, metadata: list[dict[str, Any]], values: list[str], table: Any) -> Any:
    import pyarrow as pa

    scores = pa.array(values, pa.string())
    if kind is None or pa.types.is_null(kind):
        return pa.StructArray.from_arrays([scores], [STORED_KEY])
    if pa.types.is_struct(kind):
        old = table.column("metadata").combine_chunks()
        names = [field.name for field in kind if field.name != STORED_KEY]
        return pa.StructArray.from_arrays([*(_child(old, name) for name in names), scores], [*names, STORED_KEY])
    if pa.types.is_map(kind):  # which may hold a key more than once
        pairs = [[pair for pair in one or () if pair[0] != STORED_KEY] for one in table.column("metadata").to_pylist()]
        return pa.array([[*one, (STORED_KEY, value)] for one, value in zip(pairs, values, strict=True)], kind)
    return pa.array([_json({**one, STORED_KEY: value}) for one, value in zip(metadata, values, strict=True)], kind)


def _child(structs: Any, name: str) -> Any:
    """A struct array's field, null where the struct is."""
    import pyarrow.compute

    return pyarrow.compute.struct_field(structs, name)

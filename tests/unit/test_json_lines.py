from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from boildown.errors import InputError
from boildown.json_lines import parse_line, read_lines


@pytest.mark.parametrize("name", ["lines.jsonl", "lines.jsonl.gz"])
def test_lines_are_numbered_and_blank_ones_left_out(tmp_path: Path, name: str) -> None:
    content = b'\xef\xbb\xbf{"a": 1}\r\n \n\n{"b": "\xe2\x80\xa8"}'
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    found = [(number, parse_line(line)) for number, line in read_lines(tmp_path / name)]
    assert found == [(1, {"a": 1}), (4, {"b": "\u2028"})]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b'{"a": ', "not JSON"),
        (b"caf\xe9", "not UTF-8"),
        (b"[" * 100_000, "not JSON"),
        (b"1" + b"0" * 5000, "not JSON"),
        (b'{"a": -1.5E+309}', r"the number -1\.5E\+309 is too large"),
    ],
)
def test_what_is_no_json(line: bytes, said: str) -> None:
    with pytest.raises(InputError, match=said):
        parse_line(line)


def test_numbers_that_a_float_holds() -> None:
    assert parse_line(b"[1e308, -0.0, 1e-400, 2.50, 7]") == [1e308, 0.0, 0.0, 2.5, 7]
    # What is no JSON to begin with, but what Python writes, is read as it was.
    assert str(parse_line(b"[NaN, Infinity, -Infinity]")) == "[nan, inf, -inf]"


def damaged() -> bytes:
    whole = bytearray(gzip.compress(b'{"text": "Ada Quill built the lighthouse."}\n' * 9))
    whole[12:20] = b"\xff" * 8
    return bytes(whole)


@pytest.mark.parametrize("content", [None, b"no gzip", damaged(), damaged()[:5], gzip.compress(b"{}" * 99)[:-9]])
def test_what_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "lines.jsonl.gz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"lines\.jsonl\.gz cannot be read: \w") as error:
        list(read_lines(path))
    assert str(error.value).count(str(path)) == 1

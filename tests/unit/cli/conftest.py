import fcntl
import os
import struct
import sys
import termios
import tty
from importlib.util import find_spec
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from tiny_models import bert

__all__ = ["bert"]


@pytest.fixture
def llmlingua(monkeypatch):
    """The package, where it is installed, with the table of tiktoken by which it counts, which it would download."""
    pytest.importorskip("llmlingua", exc_type=ImportError)
    spec = find_spec("llama_index.core") if find_spec("llama_index") else None
    tables = Path(spec.origin).parent / "_static" / "tiktoken_cache" if spec and spec.origin else Path("nowhere")
    if not tables.is_dir():
        pytest.skip("llama-index-core, which brings tiktoken's table, is not installed")
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tables))


@pytest.fixture
def terminal(monkeypatch):
    """Makes a standard stream a real terminal; what it returns gives all that was written there."""
    opened = []

    def open_one(name):
        ours, theirs = os.openpty()
        tty.setraw(theirs)
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 70, 0, 0))
        stream = os.fdopen(theirs, "w", encoding="utf-8")
        monkeypatch.setattr(sys, name, stream)
        opened.append((ours, stream))

        def written():
            stream.flush()
            os.set_blocking(ours, False)
            pieces = []
            while True:
                try:
                    pieces.append(os.read(ours, 65536))
                except BlockingIOError:
                    return b"".join(pieces).decode()

        return written

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "70")
    yield open_one
    for ours, stream in opened:
        stream.close()
        os.close(ours)

import fcntl
import os
import struct
import sys
import termios
import tty

import pytest


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

"""Which writing system a text uses, and character ranges that the text layer shares."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Written without spaces between words: Han, kana and bopomofo, then Thai, Lao, Myanmar and Khmer.
HAN_KANA = (
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3038-\u303b\u3041-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U0001b000-\U0001b16f\U00020000-\U0003ffff"
)
SOUTH_EAST_ASIAN = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17dd\uaa60-\uaa7f"
WITHOUT_SPACES = HAN_KANA + SOUTH_EAST_ASIAN

# First code point of each stretch of letters, in ascending order, and its script; "" is not counted
# (digits, punctuation, symbols, combining marks, which any script uses).
_STRETCHES: tuple[tuple[int, str], ...] = (
    (0x0000, ""), (0x0041, "latin"), (0x005B, ""), (0x0061, "latin"), (0x007B, ""), (0x00AA, "latin"), (0x00AB, ""),
    (0x00B5, "greek"), (0x00B6, ""), (0x00BA, "latin"), (0x00BB, ""), (0x00C0, "latin"), (0x00D7, ""),
    (0x00D8, "latin"), (0x00F7, ""), (0x00F8, "latin"), (0x02B0, ""), (0x0370, "greek"), (0x0400, "cyrillic"),
    (0x0530, "other"), (0x0600, "arabic"), (0x0700, "other"), (0x0750, "arabic"), (0x0780, "other"),
    (0x0870, "arabic"), (0x0900, "devanagari"), (0x0964, ""), (0x0970, "devanagari"), (0x0980, "other"),
    (0x0E00, "thai"), (0x0E80, "other"), (0x1100, "cjk"), (0x1200, "other"), (0x1C80, "cyrillic"), (0x1C90, "other"),
    (0x1E00, "latin"), (0x1F00, "greek"), (0x2000, ""), (0x2C60, "latin"), (0x2C80, "other"), (0x2DE0, "cyrillic"),
    (0x2E00, ""), (0x2E80, "cjk"), (0x3000, ""), (0x3005, "cjk"), (0x3008, ""), (0x3021, "cjk"), (0x302A, ""),
    (0x3031, "cjk"), (0xA000, "other"), (0xA640, "cyrillic"), (0xA6A0, "other"), (0xA720, "latin"),
    (0xA800, "other"), (0xA8E0, "devanagari"), (0xA900, "other"), (0xA960, "cjk"), (0xA980, "other"),
    (0xAC00, "cjk"), (0xD800, ""), (0xF900, "cjk"), (0xFB00, "latin"), (0xFB07, "other"), (0xFB50, "arabic"),
    (0xFE00, ""), (0xFE70, "arabic"), (0xFEFF, ""), (0xFF21, "latin"), (0xFF3B, ""), (0xFF41, "latin"),
    (0xFF5B, ""), (0xFF66, "cjk"), (0xFFE0, ""), (0x10000, "other"), (0x1B000, "cjk"), (0x1B170, "other"),
    (0x1D400, ""), (0x1E800, "other"), (0x1F000, ""), (0x20000, "cjk"), (0x40000, ""),
)  # fmt: skip
SCRIPTS = ("latin", "cjk", "arabic", "devanagari", "thai", "cyrillic", "greek", "other")
_STARTS = np.array([start for start, _ in _STRETCHES], dtype=np.uint32)
_CODES = np.array([SCRIPTS.index(script) if script else len(SCRIPTS) for _, script in _STRETCHES])


def _counts(text: str) -> NDArray[np.int64]:
    """Letters of each of SCRIPTS, shape ``(8,)``."""
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    codes = _CODES[np.searchsorted(_STARTS, points, side="right") - 1]
    return np.bincount(codes, minlength=len(SCRIPTS) + 1)[: len(SCRIPTS)].astype(np.int64)


def dominant_script(text: str) -> str:
    """The script of most letters, one of `SCRIPTS`; "other" for a text without letters.

    Han, kana, hangul and bopomofo count as "cjk". One of their characters stands for about two letters elsewhere,
    and weighs so.
    """
    counts = _counts(text)
    counts[SCRIPTS.index("cjk")] *= 2
    return SCRIPTS[int(counts.argmax())] if counts.any() else "other"

"""URLs, e-mail addresses and identifiers in running text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from boildown.text.scripts import HAN_KANA

# URLs and e-mail ----------------------------------------------------------------------------------------------

_URL_SIGN = re.compile(
    r"://|www\.|mailto:|\.(?:com|org|net|edu|gov|io|dev|ai|app|info|co|eu|uk|de|fr|cn|jp|ru|in)(?![\w\-])"
)
_SCHEME = re.compile(r"(?<![A-Za-z0-9+.\-])[A-Za-z][A-Za-z0-9+.\-]{1,15}\Z")
_HOST = re.compile(r"(?<![\w.@\-])(?:[A-Za-z0-9\-]{1,63}\.){0,4}[A-Za-z0-9\-]{1,63}\Z")
_URL_REST = re.compile(rf"[^\s<>\"“”`«»「」『』（）【】。，、；！？{HAN_KANA}]*")
_HOST_REST = re.compile(rf"(?:\.[a-z]{{2,3}}(?![\w.\-]))?(?::\d{{2,5}})?(?:/[^\s<>\"“”`«»（）。，、；{HAN_KANA}]*)?")
_CLOSING = {")": "(", "]": "[", "}": "{"}


def url_spans(text: str) -> Iterator[tuple[int, int]]:
    """URLs with a scheme, and host names with a well-known ending; the punctuation around them is left out."""
    done = 0
    for sign in _URL_SIGN.finditer(text):
        at = sign.start()
        if at < done:
            continue
        if sign[0] == "://":
            before, rest = _SCHEME.search(text, max(done, at - 17), at), _URL_REST
            begin = before.start() if before else -1
        elif sign[0][0] == ".":
            before, rest = _HOST.search(text, max(done, at - 200), at), _HOST_REST
            begin = before.start() if before else -1
        else:
            rest = _URL_REST
            begin = -1 if at and text[at - 1].isalnum() else at
        match = rest.match(text, sign.end())
        if begin >= 0 and match and (match.end() > sign.end() or rest is _HOST_REST):
            end = _trim(text, begin, match.end())
            if end > sign.end() or rest is _HOST_REST:
                yield begin, end
                done = end


def _trim(text: str, begin: int, end: int) -> int:
    """The end without punctuation that belongs to the sentence, such as a bracket that was opened before."""
    excess = {close: text.count(close, begin, end) - text.count(open_, begin, end) for close, open_ in _CLOSING.items()}
    while end > begin:
        last = text[end - 1]
        if excess.get(last, 0) > 0:
            excess[last] -= 1
        elif last not in ".,;:!?'’*_":
            break
        end -= 1
    return end


_EMAIL = re.compile(r"(?<![\w.+%\-])[\w.+%\-]{1,64}@(?:[\w\-]{1,63}\.){1,8}[^\W\d_]{2,24}(?![\w\-])")


def email_spans(text: str) -> Iterator[tuple[int, int]]:
    """E-mail addresses."""
    if "@" in text:
        for match in _EMAIL.finditer(text):
            yield match.span()


# Identifiers --------------------------------------------------------------------------------------------------

# Plain words, which most chunks are, are left out by the expression itself: that is three times as fast.
_IN_CHUNK = r"[A-Za-z0-9_.\-/\\:~$#@+]"
_CHUNK = re.compile(
    rf"(?<!{_IN_CHUNK})(?!(?:[A-Z]?[a-z]+|[A-Z]+)[.:\-+~$#@]*(?!{_IN_CHUNK}|\(\))){_IN_CHUNK}+(?:\(\))?"
)
_BEFORE_WORD = frozenset(" \t\n\r\u00a0([{<\"'`“‘=,;")
_IDENTIFIER = re.compile(
    r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"  # UUID
    r"|0[xX][0-9a-fA-F]+|#[0-9a-fA-F]{3,8}|#\d+|[$@#][A-Za-z_][\w.\-]*|@[a-z][\w.\-]*/[\w.\-]+"
    r"|[vV]\d+(?:\.\d+)*(?:[-+.][\w.+\-]+)?|\d+(?:\.\d+){2,}(?:[-+][\w.+\-]+)?(?::\d+)?"  # versions, IP addresses
    r"|10\.\d{4,9}/[\w./:\-]+"  # DOI
    r"|[A-Za-z_$][\w$]*(?:(?:\.|::|->)[A-Za-z_$][\w$]*)*\(\)"  # call()
    r"|[A-Za-z_]\w*(?:\.[A-Za-z_]\w*){2,}|[A-Za-z_]\w*(?:::[A-Za-z_]\w*)+"  # dotted and C++ names
    r"|--?[A-Za-z][\w\-]*"  # command-line options
    r"|[A-Za-z]:\\[\w.\\\-]*|(?:~|\.{1,2})?/[\w.@+\-]+(?:/[\w.@+~\-]*)*"  # paths
    r"|[\w.@+\-]+(?:/[\w.@+\-]+)*/[\w+\-]+\.\w{1,5}"
    r"|[\w\-]+\.(?:py|js|ts|tsx|json|ya?ml|toml|xml|html?|css|txt|md|csv|tsv|pdf|docx?|xlsx?|png|jpe?g|gif|svg|zip|gz"
    r"|tar|exe|dll|so|jar|java|class|go|rs|c|h|cpp|hpp|sh|bat|log|cfg|conf|ini|sql|db|ipynb|parquet)"
    # ABC-123, CVE-2021-44228 and part numbers, but not "500-mile" or the missing space of "in 2021.Then"
    r"|(?=[\w\-.]*\d)(?=[\w\-.]*[A-Za-z])"
    r"(?!\d+[a-z]{0,2}-[a-z]+\Z|\d+\.[A-Za-z]+\Z|[A-Za-z]+\.\d+\Z)[A-Za-z0-9]+(?:[\-_.][A-Za-z0-9]+)+"
    r"|_+[A-Za-z]\w*|[A-Za-z][A-Za-z0-9]*_\w*"  # snake_case
    r"|[a-z][a-z0-9]*[A-Z]\w*|[A-Z][a-z0-9]+[A-Z]\w*"  # camelCase
    r"|(?=\w*\d)[A-Za-z]\w+|\d+[A-Za-z]+\d[0-9A-Za-z]*"  # JMSCMQ0001, 7f3a9c1
)


def identifier_spans(text: str) -> Iterator[tuple[int, int]]:
    """Names and codes: snake_case, camelCase, ticket and part numbers, UUIDs, versions, hexadecimals, paths, calls."""
    for match in _CHUNK.finditer(text):
        chunk = match[0]
        core = chunk if chunk.endswith(("/", "\\")) else chunk.rstrip(".:-+~$#@")
        core = core.lstrip(":+")
        if len(core) > 1 and not core.isdigit() and _IDENTIFIER.fullmatch(core):
            begin = match.start() + chunk.index(core)
            # "--option" and "/path" begin a word; elsewhere, as in "c'est-à-dire", they are a part of one.
            if core[0] not in "-/" or begin == 0 or text[begin - 1] in _BEFORE_WORD:
                yield begin, begin + len(core)

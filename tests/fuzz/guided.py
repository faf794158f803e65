"""Looks for texts that reach code which no text of the corpus has reached yet, with atheris (`pip install atheris`).

    python tests/fuzz/guided.py --runs 100000     # and puts what it found into corpus.jsonl
    python tests/fuzz/guided.py --replay          # only runs the corpus, without atheris; the test suite does the same

The corpus is one file of JSON strings, a text a line; lone surrogates are escaped there. A text that fails is left in
the folder that is named at the end, and belongs into a test.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus.jsonl"
_LONGEST = 400


def read_corpus() -> list[str]:
    """The texts of the corpus."""
    return [json.loads(line) for line in CORPUS.read_text(encoding="ascii").splitlines()]


def check_text(text: str) -> None:
    """Runs one text through the text layer and through the cut, with all that must hold."""
    from fuzz_checks import check_cut
    from fuzz_structured import tags
    from fuzz_text import protected, recovery, sentences, words

    from boildown import Budget, Compressor, Document
    from boildown.text.protected import PROTECTED_KINDS

    sentences(text, 1000)
    sentences(text, 8)
    words(text)
    for kind in PROTECTED_KINDS:
        protected(text, [kind], ())
    tags([text])
    recovery([text], text[: len(text) // 2], len(text))
    documents = [Document(text), Document("The tower is 41.5 m high. It was built in 1889.")]
    for unit in (None, "word"):
        compressor = Compressor("bm25", unit=unit, cache=False)
        budget = Budget(tokens=20)
        result = compressor.compress("How high is the tower?", documents, budget)
        check_cut(result, documents, budget, compressor.plan)
        half = Budget(rate=0.5)
        check_cut(result.rebudget(half), documents, half, compressor.plan)


def _fuzz(arguments: list[str]) -> None:
    """What the inner process does: libFuzzer takes over, and ends it."""
    import atheris

    with atheris.instrument_imports(include=["boildown"]):
        import boildown.compressor
        import boildown.methods.bm25
        import boildown.text.recovery
        import boildown.text.structured  # noqa: F401
    atheris.Setup(arguments, lambda data: check_text(_decoded(data)))
    atheris.Fuzz()


def main() -> int:
    """Returns the exit code of the search."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--replay", action="store_true", help="run the corpus and look for nothing")
    arguments = parser.parse_args()
    if arguments.replay:
        for text in read_corpus():
            check_text(text)
        return 0
    folder = Path(tempfile.mkdtemp(prefix="boildown-corpus-"))
    before, found = folder / "before", folder / "found"
    for place in (before, found):
        place.mkdir()
    for text in read_corpus():
        data = text.encode("utf-8", "surrogatepass")
        (before / hashlib.sha1(data).hexdigest()).write_bytes(data)
    options = [f"-runs={arguments.runs}", f"-seed={arguments.seed}", f"-max_len={_LONGEST}", "-print_final_stats=1"]
    command = [sys.executable, str(Path(__file__)), "--inner", *options, str(found), str(before)]
    done = subprocess.run(command, cwd=folder, check=False)
    texts = {_decoded(path.read_bytes()) for place in (before, found) for path in place.iterdir()}
    ordered = sorted(texts, key=lambda text: (len(text), text))
    CORPUS.write_text("".join(json.dumps(text) + "\n" for text in ordered), encoding="ascii")
    print(f"{len(texts)} texts in {CORPUS}; what was found, and failures if there are any: {folder}")
    return done.returncode


def _decoded(data: bytes) -> str:
    """Any bytes as text: UTF-8 where it is, surrogates among it, and else a character for each byte."""
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("latin-1")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--inner"]:
        _fuzz([sys.argv[0], *sys.argv[2:]])
    else:
        sys.exit(main())

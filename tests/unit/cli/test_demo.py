import re

from boildown.cli import main
from boildown.cli.demo import _DOCUMENTS

CALL = ["demo", "--query", "How many passengers does the Hesper carry?", "--tokens", "30", "--method", "bm25"]
ANSWER = "She carries 180 passengers and eleven cars."
BOLD, DIM, PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[0m"


def words(text):
    return " ".join(text.split())


def test_the_whole_text_before_and_the_kept_text_after(capsys):
    assert main(CALL) == 0
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    before, after = shown.split("\nAfter: ")
    for document in _DOCUMENTS:
        assert document.text in words(before)
    assert ANSWER in words(after)
    assert "café" not in after
    count, limit = re.match(r"(\d+) tokens \(\d+%\), at most (\d+) were allowed", after).groups()
    assert 0 < int(count) <= int(limit) == 30


def test_on_a_terminal_what_is_dropped_is_dim(terminal):
    written = terminal("stdout")
    assert main(CALL) == 0
    shown = written()
    before, _ = shown.split("After: ")
    bright = words(re.sub(r"\x1b\[2m.*?\x1b\[0m", "", before))
    assert ANSWER in bright
    assert "coat" not in bright
    assert words(re.sub(r"\x1b\[\d*m", "", before)).count("coat") == 1
    lines = re.sub(r"\x1b\[\d*m", "", shown).split("\n")
    assert max(len(line) for line in lines[:-2]) <= 70


def test_no_colour_where_the_user_or_the_terminal_wants_none(terminal, monkeypatch):
    for name, value in (("NO_COLOR", "1"), ("TERM", "dumb")):
        with monkeypatch.context() as patch:
            written = terminal("stdout")
            patch.setenv(name, value)
            assert main(CALL) == 0
            assert "\x1b" not in written()


def test_the_bundled_model_finds_an_answer_in_other_words(capsys):
    assert main(["demo"]) == 0
    _, after = capsys.readouterr().out.split("\nAfter: ")
    assert "Marit Oyen" in after
    kept, _ = after.partition("\n\n")[2].rsplit("\n\n", 1)
    sentences = {one for document in _DOCUMENTS for one in re.findall(r"[^.]+\.", document.text)}
    shown = re.findall(r"[^.]+\.|[^.]+$", words(kept))
    assert shown
    assert {one.strip() for one in shown} <= {one.strip() for one in sentences}

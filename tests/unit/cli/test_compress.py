import gzip
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import boildown
from boildown.cli import main
from boildown.cli.files import read_documents

TEXT = "The lighthouse was built by Ada Quill. Rye bread keeps for a week in a dry tin."
QUESTION = ["--query", "Who built the lighthouse?"]


@pytest.fixture
def note(tmp_path):
    path = tmp_path / "note.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


def stdin(monkeypatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content), encoding="utf-8"))


def test_text_of_a_file(note, capsys):
    assert main(["compress", *QUESTION, "--rate", "0.5", "--method", "bm25", str(note)]) == 0
    assert capsys.readouterr().out.strip() == "The lighthouse was built by Ada Quill."


def test_line_ends_come_out_as_they_went_in(note, monkeypatch):
    note.write_bytes(b"The lighthouse\r\nstands.\r\n")
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="utf-8", newline="\r\n"))  # as on Windows
    assert main(["compress", *QUESTION, "--rate", "1", "--method", "bm25", str(note)]) == 0
    assert written.getvalue().startswith(b"The lighthouse\r\nstands.")


@pytest.mark.parametrize("arguments", [[], ["-"]])
def test_standard_input(monkeypatch, capsys, arguments):
    stdin(monkeypatch, b"\xef\xbb\xbf" + TEXT.encode())
    assert main(["compress", *QUESTION, "--rate", "0.5", "--method", "bm25", *arguments]) == 0
    assert capsys.readouterr().out.strip() == "The lighthouse was built by Ada Quill."


def test_standard_input_of_json_lines(monkeypatch, capsys):
    stdin(monkeypatch, b'{"text": "Ada Quill built the lighthouse."}\n{"text": "Rye bread.", "id": "rye"}\n')
    assert main(["compress", *QUESTION, "--rate", "1", "--method", "bm25", "--jsonl", "--json"]) == 0
    assert [d["id"] for d in json.loads(capsys.readouterr().out)["documents"]] == ["-:1", "rye"]


def test_json_has_documents_and_spans(note, tmp_path, capsys):
    lines = tmp_path / "more.jsonl.gz"
    lines.write_bytes(
        gzip.compress(b'{"text": "Ada Quill built it.", "id": 7, "title": "Lighthouse"}\n\n{"text": "Bread."}\n')
    )
    call = ["compress", *QUESTION, "--rate", "1", "--method", "bm25", "--json", str(note), str(lines)]
    assert main(call) == 0
    result = json.loads(capsys.readouterr().out)
    assert [d["id"] for d in result["documents"]] == [str(note), "7", f"{lines}:3"]
    assert result["documents"][0]["spans"] == [[0, len(TEXT)]]


def test_scores_of_boildown_score_are_read(bert, tmp_path, capsys):
    (tmp_path / "chunks.jsonl").write_text('{"text": "Ada Quill built it. Rye bread keeps."}\n{"text": "Bread."}\n')
    model = ["--method", "llmlingua2", "--model", str(bert), "--device", "cpu"]
    assert main(["score", str(tmp_path / "chunks.jsonl"), "--output", str(tmp_path / "scored"), *model]) == 0
    capsys.readouterr()
    assert main(["compress", "--rate", "0.5", "--json", *model, str(tmp_path / "scored" / "*.jsonl")]) == 0
    assert json.loads(capsys.readouterr().out)["seconds"]["model"] == 0


def test_patterns_are_expanded(note, capsys):
    (note.parent / "other.txt").write_text("Something else here.")
    assert main(["compress", *QUESTION, "--rate", "1", "--method", "bm25", "--json", str(note.parent / "*.txt")]) == 0
    assert len(json.loads(capsys.readouterr().out)["documents"]) == 2
    assert main(["compress", *QUESTION, "--rate", "1", str(note.parent / "*.md")]) == 2
    assert "No file matches" in capsys.readouterr().err


def test_a_page_shows_what_was_kept(note, tmp_path):
    page = tmp_path / "page.html"
    assert main(["compress", *QUESTION, "--rate", "0.5", "--method", "bm25", "--html", str(page), str(note)]) == 0
    shown = page.read_text(encoding="utf-8")
    assert shown.startswith("<!doctype html>")
    assert "Rye bread" in shown


def test_options_reach_the_engine(note, capsys):
    second = note.parent / "second.txt"
    second.write_text("Who built the lighthouse? Ada Quill built the lighthouse.")
    call = ["compress", *QUESTION, "--tokens", "100", "--method", "bm25", "--counter", "estimate", "--json"]
    assert main([*call, "--order", "score", "--documents", "1", "--rank", "bm25", str(note), str(second)]) == 0
    result = json.loads(capsys.readouterr().out)
    assert [d["id"] for d in result["documents"]] == [str(second)]
    assert result["dropped"][0]["reason"] == "documents"
    assert (result["order"], result["counter"]) == ("score", "estimate")
    assert main([*call, "--unit", "word", "--protect", "number", "--", str(note)]) == 0
    assert main([*call, "--protect", "nonsense", "--protect", "url", "--", str(note)]) == 2
    assert "Unknown kind of protected span 'nonsense'" in capsys.readouterr().err


def test_documents_are_ranked_by_a_model_of_their_own(note, capsys):
    call = ["compress", *QUESTION, "--tokens", "100", "--method", "bm25", "--json", str(note), "--rank"]
    bundled = Path(boildown.__file__).parent / "assets" / "prune-minilm"
    scores = []
    for rank in ("bm25", "prune", f"prune={bundled}"):
        assert main([*call, rank]) == 0
        scores.append(json.loads(capsys.readouterr().out)["documents"][0]["score"])
    assert scores[0] != scores[1] == scores[2]
    assert main([*call, "cross_encoder=no/such-folder/"]) == 2
    assert "no/such-folder" in capsys.readouterr().err


def test_notes_go_to_stderr(note, capsys):
    assert main(["compress", "--rate", "0.5", "--method", "bm25", str(note)]) == 0
    captured = capsys.readouterr()
    assert captured.err.startswith("boildown: The query is blank")
    assert captured.out.strip()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"text": "a"}\n{"text": \n', "line 2: not JSON"),
        (b'{"id": "a"}\n', 'line 1: a document must be an object with a "text"'),
        (b'{"text": "a", "metadata": "b"}\n', "line 1: a document's metadata must be an object"),
        (b"\xff\xfe\n", "line 1: not UTF-8"),
        (b'{"text": "a", "n": 1' + b"0" * 5000 + b"}", "line 1: not JSON"),
        (b"[" * 100_000, "line 1: not JSON"),
    ],
)
def test_broken_input_is_one_line_and_code_2(tmp_path, capsys, content, message):
    path = tmp_path / "broken.jsonl"
    path.write_bytes(content)
    assert main(["compress", *QUESTION, "--rate", "0.5", str(path)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.startswith("boildown: ")
    assert error.count("\n") == 1


def test_files_that_are_no_text_or_no_gzip(tmp_path, monkeypatch, capsys):
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    (tmp_path / "torn.txt.gz").write_bytes(b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03" + b"\xff" * 20)
    for name, message in (("latin.txt", "is not UTF-8 text"), ("torn.txt.gz", "cannot be read")):
        assert main(["compress", *QUESTION, "--rate", "0.5", str(tmp_path / name)]) == 2
        assert message in capsys.readouterr().err
    monkeypatch.setattr("sys.stdin", None)
    assert main(["compress", *QUESTION, "--rate", "0.5"]) == 2
    assert "Standard input is closed" in capsys.readouterr().err


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_any_text_can_be_printed(tmp_path, encoding):
    given = tmp_path / "in.jsonl"
    given.write_text('{"text": "The caf\\u00e9 \\ud800 is open."}', encoding="utf-8")
    command = [sys.executable, "-m", "boildown", "compress", "--rate", "1", "--method", "bm25", str(given)]
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run(command, capture_output=True, env=environment, check=True)
    cafe = "caf\\xe9" if encoding == "ascii" else "café"
    assert done.stdout.decode(encoding).strip() == f"The {cafe} \\ud800 is open."
    done = subprocess.run([*command, "--json"], capture_output=True, env=environment, check=True)
    assert json.loads(done.stdout)["text"] == "The café \ud800 is open."


def test_missing_files_and_wrong_arguments(capsys):
    assert main(["compress", *QUESTION, "--rate", "0.5", "absent.txt"]) == 2
    assert "absent.txt cannot be read" in capsys.readouterr().err
    for wrong in (["compress", "x"], ["compress", "--rate", ".5", "--tokens", "3", "x"]):
        with pytest.raises(SystemExit) as stop:
            main(wrong)
        assert stop.value.code == 2


@pytest.mark.parametrize(
    ("name", "text", "title"),
    [
        ("page.md", "---\ndraft: no\n---\n# The *lighthouse* \n\nIt stands.\n# Another", "The *lighthouse*"),
        ("page.md", "```sh\n# a comment\n```\nIt stands.", ""),
        ("page.HTML", "<head><TITLE lang='en'>Light &amp;\n house</TITLE><body>It stands.", "Light & house"),
        ("page.htm", "<p>It stands.</p>", ""),
        ("notes.txt", "# The lighthouse\nIt stands.", ""),
    ],
)
def test_a_file_has_the_title_that_it_gives_itself(tmp_path, capsys, name, text, title):
    (tmp_path / name).write_text(text)
    (document,) = read_documents([str(tmp_path / name)])
    assert (document.title, document.text) == (title, text)
    assert main(["compress", *QUESTION, "--rate", "1", "--json", str(tmp_path / name)]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["text"] == text
    assert result["documents"][0]["spans"] == [[0, len(text)]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--tokens", "9", "empty.txt"], "There is no text"),
        (["--threshold", "2", "note.txt"], "nothing scores 2 or more"),
        (["--tokens", "9", "."], "Name its files, or a pattern such as './*'"),
        (["--tokens", "9", "--protect", "number", "note.txt"], "--protect took the file 'note.txt'"),
    ],
)
def test_an_empty_output_and_beginners_mistakes_are_explained(note, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(note.parent)
    (note.parent / "empty.txt").touch()
    main(["compress", *QUESTION, "--method", "bm25", *arguments])
    captured = capsys.readouterr()
    assert not captured.out.strip()
    assert message in captured.err


def test_a_terminal_is_told_that_its_input_is_read(monkeypatch, capsys):
    stdin(monkeypatch, TEXT.encode())
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    assert main(["compress", *QUESTION, "--rate", "0.5", "--method", "bm25"]) == 0
    assert "reading standard input" in capsys.readouterr().err

import json
import sys

import pytest

from boildown.cli import main


def test_the_table_of_two_methods(data_file, capsys):
    assert main(["eval", str(data_file), "--method", "bm25", "--method", "truncate", "--rate", ".4"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "tokens by estimate"
    bm25, truncate = (line.split() for line in lines[2:])
    assert bm25[:5] == ["made", "bm25", "rate=0.4", "2", "1"]
    assert truncate[:3] == ["made", "truncate", "rate=0.4"]
    assert bm25[6] == "1.000"


def test_json_resume_and_limit(data_file, tmp_path, capsys):
    journal = tmp_path / "results.jsonl"
    call = ["eval", str(data_file), "--method", "bm25", "--json", "--resume", str(journal)]
    assert main([*call, "--limit", "1"]) == 0
    first = json.loads(capsys.readouterr().out)
    assert [row["asked"] for row in first["rows"]] == ["rate=0.5", "rate=0.25", "rate=0.1"]
    assert first["methods"][0]["method"] == "bm25"
    assert len(journal.read_text().splitlines()) == 1
    assert main(call) == 0
    assert json.loads(capsys.readouterr().out)["rows"][0]["questions"] == 2
    stored = [json.loads(line) for line in journal.read_text().splitlines()]
    assert [line["id"] for line in stored] == ["lighthouse", "unanswered"]
    assert [cut["answer"] for cut in stored[0]["cuts"]] == [True, False, False]


def test_a_threshold_keeps_what_scores_enough(data_file, capsys):
    assert main(["eval", str(data_file), "--method", "bm25", "--threshold", "0", "1000", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [(row["asked"], row["rate"]) for row in rows] == [("threshold=0", 1.0), ("threshold=1000", 0.0)]


def test_rates_may_be_given_one_by_one(data_file, capsys):
    assert main(["eval", str(data_file), "--method", "bm25", "--rate", ".5", "--rate", ".1", ".5", "--json"]) == 0
    assert [row["asked"] for row in json.loads(capsys.readouterr().out)["rows"]] == ["rate=0.5", "rate=0.1"]


def test_a_plot_is_written(data_file, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    assert main(["eval", str(data_file), "--method", "bm25", "--plot", str(tmp_path / "p.png")]) == 0
    assert (tmp_path / "p.svg").exists()
    assert "p.svg" in capsys.readouterr().err


def test_a_plot_that_cannot_be_written_is_known_before_the_work(data_file, tmp_path, capsys, monkeypatch):
    call = ["eval", str(data_file), "--method", "bm25", "--plot"]
    results = tmp_path / "results.jsonl"
    assert main([*call, str(tmp_path / "absent" / "p.png"), "--resume", str(results)]) == 2
    assert "no folder" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert main([*call, str(tmp_path / "p.png"), "--resume", str(results)]) == 2
    assert "boildown[evaluation]" in capsys.readouterr().err
    assert not results.exists()


def test_the_table_comes_before_a_plot_of_nothing(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    path = tmp_path / "made.jsonl"
    path.write_text('{"question": "Who?", "documents": ["Nobody knows."]}\n')
    assert main(["eval", str(path), "--method", "bm25", "--plot", str(tmp_path / "p.png")]) == 2
    shown = capsys.readouterr()
    assert "rate=0.25" in shown.out
    assert "nothing to plot" in shown.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["absent.jsonl"], "absent.jsonl cannot be read"),
        (["absent"], "Unknown data set 'absent'"),
        (["DATA", "--method", "none"], "Unknown method 'none'"),
        (["DATA", "--rate", "3"], "from 0 to 1"),
    ],
)
def test_errors_are_one_line(data_file, capsys, arguments, message):
    assert main(["eval", *[str(data_file) if a == "DATA" else a for a in arguments]]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_the_bar_is_shown_when_asked_for(data_file, capsys):
    call = ["eval", str(data_file), "--method", "bm25"]
    assert main([*call, "--progress"]) == 0
    assert "2/2" in capsys.readouterr().err
    assert main(call) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("limit", ["0", "few", "1.5"])
def test_a_limit_is_a_whole_number(data_file, capsys, limit):
    with pytest.raises(SystemExit):
        main(["eval", str(data_file), "--limit", limit])
    assert f"must be a whole number of at least 1, not '{limit}'" in capsys.readouterr().err


def test_questions_without_an_answer_in_their_documents_are_told_of(tmp_path, capsys):
    path = tmp_path / "names.jsonl"
    path.write_text('{"question": "Who?", "answers": ["Ada"], "documents": ["page.md"]}\n')
    assert main(["eval", str(path), "--method", "bm25"]) == 0
    assert "no answer stands in the documents" in capsys.readouterr().err


def test_what_results_note_is_told_of_with_the_number_of_questions(tmp_path, capsys):
    path, journal = tmp_path / "made.jsonl", tmp_path / "results.jsonl"
    pages = ["Эмма - роман, который написала Джейн Остин.", "Небо сегодня голубое, а море спокойное."]
    asked = [("Кто написал Эмму?", pages), ("Кто её написал?", pages[:1]), ("", pages), ("Who?", ["Ada did it."])]
    lines = [json.dumps({"question": question, "documents": documents}) for question, documents in asked]
    path.write_text("\n".join(lines), encoding="utf-8")
    call = ["eval", str(path), "--rate", ".5", "--resume", str(journal)]
    for more in ([], ["--json"]):  # the second takes them from the journal
        assert main([*call, *more]) == 0
        shown = capsys.readouterr()
        first, second = shown.err.splitlines()
        assert first.startswith("boildown: made, prune: … of … documents were scored by BM25, since their script")
        assert first.endswith(" (questions: 2)")
        assert second == (
            "boildown: made, prune: The query is blank, so nothing was scored: documents were kept in their order. "
            "(questions: 1)"
        )
    assert [note["questions"] for note in json.loads(shown.out)["notes"]] == [2, 1]
    stored = [json.loads(line) for line in journal.read_text().splitlines()]
    for line in stored:
        del line["notes"]  # as from before they were kept
    journal.write_text("".join(json.dumps(line) + "\n" for line in stored))
    assert main(call) == 0
    assert capsys.readouterr().err == ""

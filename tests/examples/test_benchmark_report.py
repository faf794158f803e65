"""The comparison page says what the result files say, the losses among it."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from boildown.benchmark.rows import ROWS

BENCHMARKS = Path(__file__).parents[2] / "examples" / "benchmarks"
MACHINE = {
    "processor": "Some CPU", "cores": 2, "threads": 2, "device": "cpu", "dtype": "bfloat16",
    "boildown": "0.1.0", "torch": "2.13.0", "python": "3.12.1", "system": "Linux", "llmlingua": "0.2.2",
}  # fmt: skip


@pytest.fixture
def report(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    before = set(sys.modules)
    import report as found

    yield found
    for name in set(sys.modules) - before:
        if name.startswith("report"):
            del sys.modules[name]


def write(folder: Path, name: str, found: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(found), encoding="utf-8")


def row(
    method: str, name: str, rate: str, answer: float | None, gold: float = 1.0, questions: int = 10
) -> dict[str, Any]:
    return {
        "file": name, "method": method, "asked": f"rate={rate}", "questions": questions,
        "answer_retention": answer, "gold_retention": gold,
    }  # fmt: skip


def quality(folder: Path, values: dict[str, dict[str, float | None]], questions: int = 10) -> None:
    for method, sets in values.items():
        rows = [
            row(method, name, rate, v, questions=questions)
            for name, v in sets.items()
            for rate in ("0.5", "0.25", "0.1")
        ]
        write(folder, f"quality_{method}", {"counter": "cl100k_base", "rows": rows})


def test_the_page_and_the_readme_are_up_to_date(report: ModuleType) -> None:
    results = BENCHMARKS / "results"
    assert (BENCHMARKS / "README.md").read_text("utf-8") == report.page(results), "python examples/benchmarks/report.py"
    readme = report.README.read_text("utf-8")
    assert readme == report.with_numbers(readme, results), "run: python examples/benchmarks/report.py"


def test_the_engines_page_says_what_a_threshold_was_measured_to_drop() -> None:
    rows = json.loads((BENCHMARKS / "results" / "adaptive.json").read_text("utf-8"))["rows"]
    (row,) = (row for row in rows if (row["set"], row["threshold"]) == ("pairs_squad2", 0.1))
    page = (BENCHMARKS.parent / "engine.md").read_text("utf-8")
    assert f"at 0.1, where {row['gone_without_answer']:.1%} goes".replace("%", " %") in page


def test_the_speed_that_the_pages_tell_is_what_was_measured(report: ModuleType) -> None:
    def read(name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((BENCHMARKS / "results" / f"{name}.json").read_text("utf-8"))
        return found

    def times(row: str, way: str = "auto") -> str:
        return f"{read(f'speed_{row}')['systems'][way]['ratio']['median']:.1f} times"

    bundled = read("speed_bundled")
    kept = {row["unit"]: row["p50_ms"] for row in read("cached")["rows"] if row["place"] == "memory"}
    ways = read("concurrency")["rows"][0]["ways"]
    saved = 1 - ways["threads"]["seconds"]["median"] / ways["one at a time"]["seconds"]["median"]
    readme, engine = (
        " ".join(page.read_text("utf-8").split()) for page in (report.README, BENCHMARKS.parent / "engine.md")
    )
    for said in (
        f"takes {bundled['p50_ms']:.0f} ms, of which all but the model is {bundled['outside_model']:.0%};",
        f"first result after {read('speed_cold')['first_result_seconds']:.1f} s",
        f"BERT base is {times('llmlingua2-bert')} faster",
        f"({times('llmlingua2-bert', 'float32')} in float32)",
        f"GPT-2's size {times('rank-gpt2')}, LLMLingua {times('prompt-gpt2')} ({times('prompt-gpt2', 'exact')} where",
        f"are {times('embed-minilm')} faster than by sentence-transformers, cross-encoders {times('rerank-minilm')}.",
        f"{kept['sentence']:.1f} ms by sentences and {kept['word']:.1f} ms by words",
        f"take {saved:.0%} less time",
    ):
        assert said.replace("%", " %") in readme
    int8 = read("speed_bundled-int8")
    for said in (
        f"{int8['int8_times_float32']:.1f} times as long in fp32, and {int8['int8_times_auto']:.1f} times as long",
        f"{int8['flips_int8']:.1%} of them are others than in fp32 (bf16: {int8['flips_auto']:.1%})",
    ):
        assert said.replace("%", " %") in engine


def test_what_was_not_measured_is_said_with_the_command(report: ModuleType, tmp_path: Path) -> None:
    page = report.page(tmp_path)
    assert "Losses first" not in page
    for script in ("selection", "service_load", "service_malformed", "corpus_scoring"):
        assert (BENCHMARKS / f"{script}.py").is_file()
        assert f"python examples/benchmarks/{script}.py" in page


def test_every_row_of_the_benchmark_is_on_the_page(report: ModuleType, tmp_path: Path) -> None:
    write(tmp_path / "cuda", "speed_cold", {"machine": MACHINE, "goals": {}, "import_seconds": 0.1})
    page = report.page(tmp_path)
    assert [name for name in ROWS if f"boildown bench {name} --out" not in page] == []


def test_retention_is_a_mean_of_sets_beside_the_default_on_the_same_sets(report: ModuleType, tmp_path: Path) -> None:
    quality(tmp_path, {"prune": {"a": 0.8, "b": 0.6, "c_fr_10": 1.0}, "bm25": {"a": 0.5, "c_fr_10": 0.25}})
    page = report.page(tmp_path)
    assert "| `prune` | 2 | 20 | 0.700 |" in page
    assert "| `bm25` | 1 | 10 | 0.500 | 0.500 | 0.500 | 0.800 |" in page
    assert "| `bm25` | 1 | 10 | 0.250 | 0.250 | 0.250 | 1.000 |" in page
    assert "Losses first" not in page


def test_lost_comparisons_come_first(report: ModuleType, tmp_path: Path) -> None:
    quality(tmp_path, {"prune": {"a": 0.5}, "bm25": {"a": 0.75}})
    page = report.page(tmp_path)
    assert page.index("keeps less than another method in 3 places") < page.index("## Quality")
    assert "- a at 0.1: 0.500, `bm25` 0.750" in page


def test_a_comparison_on_other_questions_is_none(report: ModuleType, tmp_path: Path) -> None:
    quality(tmp_path, {"prune": {"a": 0.5}})
    quality(tmp_path, {"random": {"a": 0.75}}, questions=5)
    assert "loses" not in report.page(tmp_path)


def test_speed_and_memory_are_judged_by_their_goals(report: ModuleType, tmp_path: Path) -> None:
    def system(seconds: float, ratio: float | None, peak: float) -> dict[str, Any]:
        spread = {} if ratio is None else {"ratio": {"median": ratio, "least": ratio - 1, "greatest": ratio + 1}}
        return {"seconds": [seconds], "forwards": 1, "forwarded": 10, "peak_mib": peak, **spread}

    found = {
        "row": "rank-qwen", "what": "Ranking", "model": "qwen", "goals": {"auto": 6, "memory": 0.2}, "machine": MACHINE,
        "systems": {"llmlingua": system(8.0, None, 1000), "auto": system(1.0, 8.0, 300)},
    }  # fmt: skip
    write(tmp_path, "speed_rank-qwen", found)
    slow = {**found, "goals": {"auto": 9}, "systems": {**found["systems"], "auto": system(16.0, 0.5, 2000)}}  # type: ignore[dict-item]
    write(tmp_path / "cuda", "speed_rank-qwen", slow)
    page = report.page(tmp_path)
    assert "| 8.000 | 1.000 | 8.0× (7.0 to 9.0) | at least 6× |" in page
    assert "- CPU: memory, Ranking, qwen: fastest precision: 0.3, and the goal is at most 0.2." in page
    assert "- GPU: Ranking, qwen: fastest precision: 0.5×, and the goal is at least 9×." in page
    assert "at least 9× (**missed**)" in page


def test_whether_it_pays_follows_from_the_measured_speed(report: ModuleType, tmp_path: Path) -> None:
    measured = {"machine": MACHINE, "goals": {"p50_ms": 105}, "p50_ms": 150.0, "tokens_per_second": 10_000}
    write(tmp_path, "speed_bundled", measured)
    page = report.page(tmp_path)
    # 3,000 tokens take 0.3 s; three quarters are saved, which is worth 0.3 s where the LLM reads 7,500 a second.
    assert "fewer than 7,500 tokens a second" in page
    assert "| 5,000 tokens a second | 0.60 s | 0.30 s | 0.45 s | pays |" in page
    assert "| 10,000 tokens a second | 0.30 s | 0.30 s | 0.38 s | **does not pay** |" in page
    # 150 million tokens, three quarters saved, at 2.50 a million; 15,000 s of the machine at 0.10 an hour.
    assert "| 2.50 | 281.25 | 0.42 | 280.83 |" in page
    assert "p50: 150 ms, and the goal is at most 105 ms." in page


def test_many_requests_and_what_went_wrong_with_them(report: ModuleType, tmp_path: Path) -> None:
    def middle(value: float) -> dict[str, float]:
        return {"median": value, "least": value, "most": value}

    way = {"seconds": middle(2.0), "times_one_core": middle(1.5), "answers_that_differ": 3}
    loop = {"requests": 50, "goal_late_ms": 50, "most_late_ms": middle(80), "idle_most_late_ms": middle(1)}
    rows = [{"documents": 10, "ways": {"threads": way}}]
    write(tmp_path, "concurrency", {"requests": 64, "cores": 2, "goal_times": 1.9, "rows": rows, "event_loop": loop})
    late = {"requests": 50, "goal_late_ms": 50, "most_late_ms": [20, 30, 90], "idle_most_late_ms": [1, 2, 3]}
    write(tmp_path, "event_loop", late)
    load = {
        "requests": 1000, "connections": 64, "statuses": {"200": 990, "500": 10}, "lost": 2, "unequal_answers": 1,
        "requests_per_second": 12.0, "ratio": 1.9, "goal_ratio": 1.8,
    }  # fmt: skip
    term = {"connections": 64, "answered_after": 60, "lost": 4, "exit_code": 0, "seconds_to_end": 2.5}
    short = {
        **load, "statuses": {"200": 1000}, "lost": 0, "unequal_answers": 0, "ratio": 1.7,
        "cores_busy_one_at_a_time": 1.04, "cores_busy": 1.93,
    }  # fmt: skip
    write(tmp_path, "service_load", {"machine": {"cores": 2}, "load": load, "short": short, "term": term})
    by_schema = {"requests": 9000, "faults": 5, "growth": 0.01}
    nonsense = {"requests": 10_000, "faults": 7, "growth": 0.08, "goal_growth": 0.05, "schemathesis": by_schema}
    write(tmp_path, "service_malformed", nonsense)
    losses = report.page(tmp_path).partition("## Quality")[0]
    for lost in (
        "64 requests of 10 documents, threads: 1.5×, and the goal is at least 1.9×",
        "3 answers differ",
        "delay: 80 ms, and the goal is at most 50 ms",
        "2 lost, 1 unequal answers, {'500': 10}",
        "requests of one passage: 1.7×, and the goal is at least 1.8×",
        "4 accepted requests got no answer",
        "7 malformed requests were answered with 5xx",
        "5 requests of schemathesis were answered with 5xx",
        "Memory growth under malformed requests: 8 %, and the goal is at most 5 %",
    ):
        assert lost in losses
    assert "LangChain" not in losses
    assert "1.90× those of one" in report.page(tmp_path)
    assert "keeps 1.04 of them busy by itself, all together 1.93." in report.page(tmp_path)


def test_fuzzed_inputs_and_leaks_are_on_the_page(report: ModuleType, tmp_path: Path) -> None:
    assert "`python tests/fuzz --record examples/benchmarks/results/fuzz.json`" in report.page(tmp_path)
    assert "`python tests/fuzz/leaks.py --record examples/benchmarks/results/leaks.json`" in report.page(tmp_path)
    found = {
        "command": "python tests/fuzz --inputs 3000 --seed 7 --record FILE.json", "seed": 7, "inputs": 3000,
        "inputs_by_area": {"models": 1000, "text": 2000}, "inputs_by_target": {"bundled": 1000, "words": 2000},
        "findings": [{"target": "words", "found": "AssertionError: torn\nFalsifying example: words(text='x')"}],
    }  # fmt: skip
    write(tmp_path, "fuzz", found)
    row = {"calls": 2000, "seconds": 1.0}
    rows = [
        {**row, "subject": "bm25", "python_bytes": 2048, "process_bytes": 0, "flat": True},
        {**row, "subject": "service", "python_bytes": 1 << 20, "process_bytes": 1 << 22, "flat": False},
    ]
    write(tmp_path, "leaks", {"room": {"python_bytes": 1 << 16, "process_bytes": 1 << 24}, "rows": rows})
    page = report.page(tmp_path)
    assert page.index("| text | 2,000 |") < page.index("| models | 1,000 |")
    assert "3,000 inputs over 2 targets, seed 7; findings: 1." in page
    assert "| bm25 | 2,000 | 2 KiB | 0 KiB | yes |" in page
    assert "| service | 2,000 | 1,024 KiB | 4,096 KiB | **no** |" in page
    losses = page.partition("## Quality")[0]
    assert "- Fuzzing, `words`: AssertionError: torn\n" in losses
    assert "- Memory, service: 1,000 calls grew it by 1,024 KiB in Python, 4,096 KiB in the process." in losses
    assert "bm25" not in losses


def test_the_check_fails_on_an_old_page(report: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(BENCHMARKS / "results", tmp_path / "results")
    (tmp_path / "README.md").write_text("old", encoding="utf-8")
    monkeypatch.setattr(report, "HERE", tmp_path)
    monkeypatch.setattr(sys, "argv", ["report.py", "--check"])
    with pytest.raises(SystemExit, match="Not up to date"):
        report.main()
    assert (tmp_path / "README.md").read_text("utf-8") == "old"


def test_what_a_processor_allows_is_said_beside_what_was_measured(report: ModuleType, tmp_path: Path) -> None:
    ours = {"seconds": [1.5], "products_seconds": [1.0], "ratio": {"median": 8.0}}
    systems = {"llmlingua": {"seconds": [12.0]}, "auto": ours, "int8": {"seconds": [1.2], "ratio": {"median": 10.0}}}
    found = {"what": "Classifying", "model": "bert", "goals": {"auto": 15, "int8": None}, "systems": systems}
    write(tmp_path, "speed_llmlingua2-bert", {**found, "machine": MACHINE})
    lines = report.limits(report.Results(tmp_path))
    assert "| Classifying, bert: fastest precision | 8.0× | 12.0× | at least 15× |" in lines
    assert not any("int8" in line for line in lines)
    write(tmp_path, "speed_bundled", {"p50_ms": 200.4, "products_p50_ms": 180, "goals": {"p50_ms": 105}})
    assert "p50 | 200 ms | 180 ms | at most 105 ms |" in "\n".join(report.limits(report.Results(tmp_path)))
    write(
        tmp_path,
        "speed_cold",
        {"first_result_seconds": 1.25, "torch_seconds": 1.1, "goals": {"first_result_seconds": 1.0}},
    )
    assert "`import torch` | 1.25 s | 1.10 s | at most 1 s |" in "\n".join(report.limits(report.Results(tmp_path)))


def test_what_was_written_for_the_project_is_in_no_mean_with_the_public_sets(
    report: ModuleType, tmp_path: Path
) -> None:
    quality(tmp_path, {"prune": {"a": 0.8, "written": 0.5}, "bm25": {"a": 0.5, "written": 0.25}})
    page = report.page(tmp_path)
    assert "| `prune` | 1 | 10 | 0.800 |" in page
    assert "### Written for this project" in page
    assert "| Written for this project, 1 set | `prune` | 0.500 |" in "\n".join(report.means(report.Results(tmp_path)))

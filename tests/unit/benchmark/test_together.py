"""Systems take turns, on models small enough to say nothing about speed."""

import sys

import pytest

from boildown.benchmark.processes import measure, work
from boildown.benchmark.report import row_report
from boildown.benchmark.rows import Task
from boildown.errors import ConfigurationError


@pytest.mark.usefixtures("offline")
def test_llmlingua_reads_the_same_texts_on_the_same_weights(tmp_path):
    found = measure(Task("llmlingua2-bert", str(tmp_path), "cpu", repeat=2, tiny=True), memory=False)
    assert (found["row"], found["machine"]["device"]) == ("llmlingua2-bert", "cpu")
    systems = found["systems"]
    assert {"auto", "float32", "int8"} <= set(systems)
    for system in systems.values():
        assert len(system["seconds"]) == 2
        assert all(seconds > 0 for seconds in system["seconds"])
        assert system["forwards"] >= 1
    # Ours compute no padding: 4 documents of 40 tokens, each with its two special tokens.
    assert systems["auto"]["forwarded"] == 4 * 42
    if "llmlingua" in systems:
        assert systems["llmlingua"]["forwarded"] == 4 * 512
        ratio = systems["auto"]["ratio"]
        assert 0 < ratio["least"] <= ratio["median"] <= ratio["greatest"]
        shown = row_report("llmlingua2-bert", found)
        assert f"llmlingua {found['machine']['llmlingua']} " in shown
        assert f"{ratio['least']:.1f} to {ratio['greatest']:.1f}" in shown


@pytest.mark.usefixtures("offline")
def test_the_exact_mode_gives_llmlinguas_text(tmp_path):
    pytest.importorskip("llmlingua", exc_type=ImportError)
    found = measure(Task("prompt-gpt2", str(tmp_path), "cpu", tiny=True), memory=False)
    assert found["same_text"] is True
    assert "the exact mode's text is llmlingua's: yes" in row_report("prompt-gpt2", found)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A folder with the cross-encoder and the classifier."""
    folder = str(tmp_path_factory.mktemp("models"))
    for name in ("rerank-minilm", "embed-minilm", "llmlingua2-bert"):
        work(Task(name, folder, "cpu", tiny=True, mode="make"))
    return folder


@pytest.mark.usefixtures("uncounted")
def test_a_cross_encoder_runs_beside_sentence_transformers(models):
    pytest.importorskip("sentence_transformers", exc_type=ImportError)
    task = Task("rerank-minilm", models, "cpu", tiny=True)
    found = work(task)
    assert list(found["systems"]) == ["sentence-transformers", "auto", "float32", "int8"]
    assert found["machine"]["sentence-transformers"]
    # The other package pads to the longest, and reads no less.
    assert found["systems"]["auto"]["forwarded"] < found["systems"]["sentence-transformers"]["forwarded"]
    assert all("ratio" in found["systems"][name] for name in ("auto", "float32", "int8"))
    # What multiplies in int8 is not comparable, and has none.
    assert [name for name, system in found["systems"].items() if "products_seconds" in system] == ["auto", "float32"]
    assert all(seconds > 0 for seconds in found["systems"]["float32"]["products_seconds"])


@pytest.mark.usefixtures("uncounted")
def test_the_memory_of_a_system_is_measured_by_itself(models):
    found = work(Task("rerank-minilm", models, "cpu", tiny=True, mode="memory", only="float32"))
    assert found["peak_mib"] >= 0


@pytest.mark.usefixtures("uncounted")
@pytest.mark.parametrize("name", ["llmlingua2-bert", "rerank-minilm", "embed-minilm"])
def test_without_the_other_package_boildown_is_measured_alone(name, models, monkeypatch):
    task = Task(name, models, "cpu", tiny=True)
    base = task.row.base
    monkeypatch.setitem(sys.modules, base.replace("-", "_"), None)
    found = work(task)
    assert list(found["systems"]) == ["auto", "float32", "int8"]
    assert not any("ratio" in system for system in found["systems"].values())
    shown = row_report(name, {**found, "goals": task.row.goals})
    assert f"{base} is not installed, so boildown was measured alone: pip install {base}" in shown


def test_a_process_that_fails_is_an_error(tmp_path, capfd):
    (tmp_path / "bert-base-multilingual-cased-tiny").mkdir()
    (tmp_path / "bert-base-multilingual-cased-tiny" / "model.safetensors").touch()
    (tmp_path / "bert-base-multilingual-cased-tiny" / "config.json").write_text("{}")
    with pytest.raises(ConfigurationError, match="The process for gemm-bert \\(time\\) failed"):
        measure(Task("gemm-bert", str(tmp_path), "cpu", tiny=True))
    assert capfd.readouterr().err

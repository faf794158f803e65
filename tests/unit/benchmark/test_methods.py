import pytest

from boildown import Compressor
from boildown.benchmark.machine import cold_start
from boildown.benchmark.methods import timed
from boildown.benchmark.side_by_side import timed_package
from boildown.errors import ConfigurationError, ModelError


def test_no_run_is_answered_by_a_cache():
    found = timed(Compressor(cache=False), "Who?", [["The first text is short."]] * 4)
    assert found["outside_model"] < 1


def test_a_process_that_fails_says_why():
    with pytest.raises(ConfigurationError, match="no device"):
        cold_start("cuda:99", "Who?", ["Text."])


def test_what_the_llmlingua_package_cannot_load_is_an_error_of_ours(tmp_path):
    pytest.importorskip("llmlingua", exc_type=ImportError)
    with pytest.raises(ModelError, match="llmlingua could not load"):
        timed_package(str(tmp_path), "cpu", 0.5, [["Text."]], list)

from __future__ import annotations

import contextvars
import pickle
import threading

import pytest

from boildown.errors import BoildownError, CancelledError, DeadlineError, OverloadedError
from boildown.runtime import requests


def test_there_is_none_by_itself() -> None:
    assert requests.current() is None
    with requests.deadline(60) as request:
        assert requests.current() is request
        request.check()
    assert requests.current() is None


def test_a_deadline_that_has_passed() -> None:
    with requests.deadline(0) as request:
        assert request.remaining() <= 0
        with pytest.raises(DeadlineError, match="Allow more time"):
            request.check()
    assert issubclass(DeadlineError, (BoildownError, TimeoutError))


def test_the_nearest_deadline_counts() -> None:
    with requests.deadline(60) as outer, requests.deadline(3600) as inner:
        assert inner.remaining() <= 60
        with requests.deadline(1) as innermost, requests.deadline(None) as open_end:
            assert innermost.remaining() <= 1
            assert open_end.remaining() <= 1
        assert outer.remaining() > 1
    with requests.deadline(None) as request:
        assert request.remaining() is None


def test_a_request_is_cancelled_with_the_one_around_it() -> None:
    with requests.deadline(None) as outer, requests.deadline(60) as inner:
        inner.cancel()
        assert outer.failure() is None
        with requests.deadline(None) as other:
            outer.cancel()
            with pytest.raises(CancelledError):
                other.check()
            assert requests.Request(parent=other).failure() is not None


def test_listeners() -> None:
    request = requests.Request()
    heard: list[str] = []
    request.on_cancel(lambda: heard.append("first"))
    forget = request.on_cancel(lambda: heard.append("second"))
    forget()
    forget()
    request.cancel()
    request.cancel()
    assert heard == ["first"]
    request.on_cancel(lambda: heard.append("late"))
    assert heard == ["first", "late"]


def test_a_request_that_ended_is_let_go() -> None:
    with requests.deadline(None) as outer:
        for _ in range(3):
            with requests.deadline(None):
                pass
        assert not outer._listeners


def test_it_goes_where_the_context_goes() -> None:
    found: list[requests.Request | None] = []
    with requests.deadline(60) as request:
        context = contextvars.copy_context()
        threads = [
            threading.Thread(target=context.run, args=(lambda: found.append(requests.current()),)),
            threading.Thread(target=contextvars.Context().run, args=(lambda: found.append(requests.current()),)),
        ]
        for thread in threads:
            thread.start()
            thread.join()
    assert found == [request, None]


def test_an_overload_survives_pickling() -> None:
    error = pickle.loads(pickle.dumps(OverloadedError("Too much.", 2.5)))
    assert (str(error), error.retry_after) == ("Too much.", 2.5)

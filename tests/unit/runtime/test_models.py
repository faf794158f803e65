from __future__ import annotations

import os
import threading
import time

import pytest

from boildown.runtime.models import release, shared_model


def test_a_model_is_loaded_once() -> None:
    built: list[object] = []

    def load() -> object:
        built.append(object())
        return built[-1]

    first = shared_model(("kind", "path", "cpu", "float32"), load)
    assert shared_model(("kind", "path", "cpu", "float32"), load) is first
    assert shared_model(("kind", "path", "cpu", "bfloat16"), load) is not first
    assert len(built) == 2
    release()
    assert shared_model(("kind", "path", "cpu", "float32"), load) is not first


def test_threads_wait_for_one_load_and_block_no_other_key() -> None:
    loading, go_on = threading.Event(), threading.Event()
    loads: list[int] = []
    found: list[object] = []

    def slow() -> object:
        loads.append(1)
        loading.set()
        assert go_on.wait(30)
        return object()

    threads = [threading.Thread(target=lambda: found.append(shared_model("slow", slow))) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert loading.wait(30)
    assert shared_model("other", lambda: "ready") == "ready"
    assert not found
    go_on.set()
    for thread in threads:
        thread.join()
    assert len(loads) == 1
    assert len(set(map(id, found))) == 1


def test_a_failed_load_is_tried_again() -> None:
    def fail() -> object:
        raise OSError("no network")

    with pytest.raises(OSError, match="no network"):
        shared_model("key", fail)
    assert shared_model("key", lambda: 7) == 7


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_process_computes_with_its_parents_model() -> None:
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    layer = torch.nn.Linear(512, 512)
    model = shared_model("layer", lambda: layer)
    x = torch.ones(512, 512)
    with torch.inference_mode():
        model(x).sum()  # starts the parent's threads, which the child does not have
    loading, go_on = threading.Event(), threading.Event()

    def slow() -> int:
        loading.set()
        go_on.wait(30)
        return 1

    busy = threading.Thread(target=lambda: shared_model("slow", slow))
    busy.start()
    assert loading.wait(30)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            again = shared_model("layer", lambda: None)
            with torch.inference_mode():
                good = again is layer and bool(again(x).isfinite().all())
            code = 0 if good and shared_model("slow", lambda: 2) == 2 else 1
        finally:
            os._exit(code)
    torch.set_num_threads(threads)
    go_on.set()
    busy.join()
    status = None
    for _ in range(600):
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            break
        time.sleep(0.1)
    else:
        os.kill(child, 9)
        os.waitpid(child, 0)
        pytest.fail("the child hangs")
    assert status == 0

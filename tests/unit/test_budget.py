from __future__ import annotations

import json

import numpy as np
import pytest

from boildown import Budget, ConfigurationError


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "exactly one of tokens=, rate= and threshold=; got none"),
        ({"tokens": 5, "rate": 0.5}, "got tokens and rate"),
        ({"tokens": -1}, "at least 0, not -1"),
        ({"tokens": 1.5}, "whole number"),
        ({"tokens": True}, "whole number"),
        ({"tokens": np.bool_(True)}, "whole number"),
        ({"rate": np.bool_(True)}, "must be a number"),
        ({"tokens": 10, "documents": -2}, r"Budget\(documents=\)"),
        ({"rate": 4}, "For a number of tokens, use tokens="),
        ({"rate": -0.1}, "from 0 to 1"),
        ({"rate": float("nan")}, "must be a number"),
        ({"rate": "0.5"}, "must be a number"),
        ({"threshold": "high"}, "must be a number"),
        ({"rate": np.array([0.1, 0.2])}, "must be a number"),
        ({"threshold": 10**400}, "must be a number"),
    ],
)
def test_wrong_budgets_say_what_is_wrong(arguments, message):
    with pytest.raises(ConfigurationError, match=message):
        Budget(**arguments)


def test_zero_is_fine():
    assert Budget(tokens=0).tokens == 0
    assert Budget(threshold=-3).threshold == -3


def test_numpy_numbers_become_plain_ones():
    plain = [
        (Budget(tokens=np.int64(7), documents=np.uint8(3)), {"tokens": 7, "documents": 3}),
        (Budget(rate=np.float32(0.5)), {"rate": 0.5}),
        (Budget(threshold=np.float16(0.25)), {"threshold": 0.25}),
    ]
    for budget, values in plain:
        assert json.dumps({name: getattr(budget, name) for name in values}) == json.dumps(values)

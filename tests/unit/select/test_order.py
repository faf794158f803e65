from __future__ import annotations

import numpy as np
import pytest

from boildown import ConfigurationError
from boildown.select.order import arrange
from boildown.select.plan import Plan


@pytest.mark.parametrize(
    ("order", "expected"),
    [("original", [0, 1, 2, 3, 4]), ("score", [3, 1, 0, 4, 2]), ("edges", [3, 0, 2, 4, 1])],
)
def test_orders(order, expected):
    relevance = np.array([0.5, 0.8, 0.1, 0.9, 0.3])
    assert arrange(np.arange(5), relevance, order).tolist() == expected


@pytest.mark.parametrize("count", range(1, 9))
def test_edges_put_the_best_first_and_the_second_best_last_for_odd_and_even_counts(count):
    relevance = np.linspace(0, 1, count)
    arranged = arrange(np.arange(count), relevance, "edges").tolist()
    assert arranged[0] == count - 1
    assert count < 2 or arranged[-1] == count - 2
    assert sorted(arranged) == list(range(count))


def test_ties_keep_the_input_order():
    assert arrange(np.array([2, 5, 7]), np.zeros(8), "score").tolist() == [2, 5, 7]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"order": "edge"}, "Did you mean 'edges'"),
        ({"unit": "sentences"}, "Did you mean 'sentence'"),
        ({"allocation": "linaer"}, "Did you mean 'linear'"),
        ({"protect": ("numbers",)}, "Did you mean 'number'"),
        ({"spread": 1.5}, "from 0 to 1"),
        ({"spread": "wide"}, "from 0 to 1; got 'wide'"),
        ({"dedupe": "near"}, "or None; got 'near'"),
        ({"dedupe": 0.0}, "above 0"),
        ({"separator": None}, "separator= must be text"),
        ({"patterns": ("(",)}, "not a valid regular expression: .* at position 0"),
        ({"patterns": (5,)}, "must be a str or a compiled str pattern, not 5"),
    ],
)
def test_wrong_plans_say_what_is_wrong(wrong, message):
    with pytest.raises(ConfigurationError, match=message):
        Plan(**wrong)

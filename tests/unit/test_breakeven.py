"""The numbers are worked out by hand in the comments."""

import pytest

from boildown.breakeven import Case
from boildown.errors import ConfigurationError

# 4,000 tokens, a quarter kept; the LLM reads 5,000 tokens/s (0.8 s) and then writes for 2.2 s: 3 s in all.
# Its input costs 2.50 a million (0.01 a request); the compressor's machine 3.60 an hour (0.001 a second).
WORLD = {"tokens": 4000, "rate": 0.25, "llm_speed": 5000, "other_seconds": 2.2, "llm_price": 2.5, "machine_price": 3.6}


def fast(**changes):
    """Compressing takes 0.04 s + 4,000 / 20,000 = 0.24 s."""
    return Case(**{**WORLD, "compressor_speed": 20_000, "overhead_seconds": 0.04, **changes})


def slow(**changes):
    """Compressing takes 4,000 / 1,000 = 4 s."""
    return Case(**{**WORLD, "compressor_speed": 1000, **changes})


def test_time_of_a_request_that_gains():
    # 0.24 + 0.2 + 2.2 = 2.64 s; 0.36 s of 3 s saved.
    assert fast().seconds(4000) == pytest.approx(
        {"without": 3.0, "compression": 0.24, "llm_input": 0.2, "with": 2.64, "saved": 0.36, "saved_share": 0.12}
    )


def test_time_of_a_request_that_loses():
    # 4 + 0.2 + 2.2 = 6.4 s.
    assert slow().seconds(4000) == pytest.approx(
        {"without": 3.0, "compression": 4.0, "llm_input": 0.2, "with": 6.4, "saved": -3.4, "saved_share": -3.4 / 3}
    )


def test_money_of_a_request_that_gains_and_of_one_that_loses():
    assert fast().money(4000) == pytest.approx(
        {"without": 0.01, "machine": 0.00024, "llm_input": 0.0025, "with": 0.00274, "saved": 0.00726}
    )
    # A cheap LLM, 0.10 a million: 0.0003 saved, 0.004 spent.
    assert slow(llm_price=0.1).money(4000)["saved"] == pytest.approx(-0.0037)


def test_break_even_points_in_time():
    time = fast().break_even()["time"]
    # A token saves 0.75/5,000 - 1/20,000 = 0.0001 s; 0.04 s are paid back after 400 tokens.
    assert time["tokens"] == pytest.approx(400)
    # 0.24 s of 0.8 s: 30 % must go at least.
    assert time["rate"] == pytest.approx(0.7)
    # 0.6 s saved less 0.04 s leave 0.56 s for 4,000 tokens.
    assert time["compressor_speed"] == pytest.approx(4000 / 0.56)
    # 3,000 tokens must take the LLM 0.24 s.
    assert time["llm_speed"] == pytest.approx(12_500)


def test_break_even_points_in_money():
    money = fast().break_even()["money"]
    # A token saves 0.75 * 2.5e-6 - 0.001/20,000 = 1.825e-6; 0.04 s cost 0.00004.
    assert money["tokens"] == pytest.approx(0.00004 / 1.825e-6)
    # 0.00024 of 0.01.
    assert money["rate"] == pytest.approx(0.976)
    # 0.0075 saved less 0.00004; at 0.001 a second that is 7.46 s.
    assert money["compressor_speed"] == pytest.approx(4000 / 7.46)
    # 0.00024 on 3,000 tokens.
    assert money["llm_price"] == pytest.approx(0.08)


def test_a_compressor_slower_than_the_llm_never_saves_time():
    points = slow().break_even()["time"]
    assert points["tokens"] is None
    assert points["rate"] is None
    assert points["compressor_speed"] == pytest.approx(4000 / 0.6)
    # At this speed and above, it does.
    assert Case(**WORLD, compressor_speed=4000 / 0.6).seconds(4000)["saved"] == pytest.approx(0)


@pytest.mark.parametrize("case", [fast(), fast(rate=0.4, tokens=900), slow(llm_speed=100), slow(llm_price=30.0)])
def test_at_every_break_even_point_nothing_is_saved(case):
    from dataclasses import replace

    points = case.break_even()
    for side, unit in (("time", case.seconds), ("money", case.money)):
        tokens = points[side]["tokens"]
        if tokens:
            assert unit(tokens)["saved"] == pytest.approx(0, abs=1e-12)
            assert unit(tokens * 1.1)["saved"] > 0 > unit(tokens * 0.9)["saved"]
        for name, value in points[side].items():
            if name == "tokens" or value is None:
                continue
            changed = replace(case, **{name: value})
            saved = (changed.seconds if side == "time" else changed.money)(case.tokens)["saved"]
            assert saved == pytest.approx(0, abs=1e-12), (side, name)


def test_a_machine_of_its_own():
    # 3.60 an hour against 0.0075 a request; 0.24 s a request.
    assert fast().break_even()["machine"] == pytest.approx({"requests_per_hour": 480, "capacity_per_hour": 15_000})
    assert fast(machine_price=0.0).break_even()["machine"] is None


def test_a_free_machine_pays_from_the_first_token():
    money = fast(machine_price=0.0).break_even()["money"]
    assert money == {"tokens": 0, "rate": 1, "compressor_speed": 0, "llm_price": 0}


def test_keeping_everything_never_pays():
    points = fast(rate=1.0).break_even()
    assert points["time"]["tokens"] is None
    assert points["time"]["llm_speed"] is None
    assert points["money"]["llm_price"] is None
    assert fast(rate=1.0).seconds(4000)["saved"] == pytest.approx(-0.24)


def test_a_million_chunks():
    # 150 million tokens in 37,500 requests.
    assert fast().million_chunks() == pytest.approx(
        {
            "requests": 37_500,
            "tokens": 150e6,
            "tokens_saved": 112.5e6,
            "compressor_hours": 2.5,
            "seconds_saved": 13_500,
            "llm_money_saved": 281.25,
            "machine_money": 9.0,
            "money_saved": 272.25,
        }
    )


def test_the_published_gain_of_18_per_cent_lies_between_winning_and_losing():
    """arXiv 2604.02985 saw at most 18 % end to end, and none outside a window of lengths."""
    # 4 s of reading and 6 s of writing; half is removed in 0.2 s: 1.8 s of 10 s.
    case = Case(tokens=8000, rate=0.5, compressor_speed=40_000, llm_speed=2000, other_seconds=6)
    assert case.seconds(8000)["saved_share"] == pytest.approx(0.18)
    # The same on an LLM ten times as fast: 0.2 s saved, 0.2 s spent. Faster still, it loses.
    assert Case(tokens=8000, rate=0.5, compressor_speed=40_000, llm_speed=20_000).seconds(8000)["saved"] == (
        pytest.approx(0)
    )
    assert Case(tokens=8000, rate=0.5, compressor_speed=40_000, llm_speed=30_000).seconds(8000)["saved"] < 0


def test_only_what_is_known_is_said():
    no_money, no_time = fast(llm_price=None), fast(llm_speed=None)
    assert no_money.money(4000) is None
    assert no_money.break_even()["money"] is None
    assert no_money.million_chunks()["money_saved"] is None
    assert no_time.seconds(4000) is None
    assert no_time.break_even()["time"] is None
    assert no_time.million_chunks()["seconds_saved"] is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"llm_speed": None, "llm_price": None}, "how fast the LLM reads"),
        ({"tokens": 0}, "tokens must be above 0"),
        ({"compressor_speed": -1}, "compressor_speed must be above 0"),
        ({"llm_speed": float("nan")}, "llm_speed must be above 0"),
        ({"llm_price": float("inf")}, "llm_price must be at least 0"),
        ({"rate": 1.5}, "from 0 to 1"),
        ({"rate": float("nan")}, "from 0 to 1"),
    ],
)
def test_numbers_out_of_range_are_refused(changes, message):
    with pytest.raises(ConfigurationError, match=message):
        fast(**changes)

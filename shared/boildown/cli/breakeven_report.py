"""What `boildown breakeven` prints."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from boildown.tables import table

if TYPE_CHECKING:
    from boildown.breakeven import Case

__all__ = ["at_lengths", "report"]

_LENGTHS = (250, 500, 1000, 2000, 4000, 8000, 16000, 32000, 64000, 128000)

_CAVEATS = """\
Taken as given: time grows in step with length, compression runs before the LLM and never beside it, only busy time of
the compressor's machine is paid for, and the answers are as good as before. `boildown eval` measures the last."""


def at_lengths(case: Case) -> list[dict[str, float | None]]:
    """What a request of each of some lengths, and of the case's own, gains: seconds, share of its time, and money."""
    return [_at(case, tokens) for tokens in sorted({*_LENGTHS, case.tokens})]


def _at(case: Case, tokens: int) -> dict[str, float | None]:
    time, money = case.seconds(tokens), case.money(tokens)
    return {
        "tokens": tokens,
        "seconds_saved": None if time is None else time["saved"],
        "saved_share": None if time is None else time["saved_share"],
        "money_saved": None if money is None else money["saved"],
    }


def report(case: Case, measured: Mapping[str, Any] | None) -> str:
    """A case as text: a request with compression and without it, where it breaks even, and a million chunks.

    Args:
        case: the numbers.
        measured: `tokens` and `method` of what was measured for the compressor's speed; None where it was given.
    """
    source = "given" if measured is None else f"measured here on {measured['tokens']:,} tokens: {measured['method']}"
    parts = [
        f"{case.tokens:,} tokens a request, of which {case.rate:.4g} are kept\n"
        f"compressor: {case.compressor_speed:,.0f} tokens/s ({source})"
    ]
    time, money = case.seconds(case.tokens), case.money(case.tokens)
    rows = [("a request", "without", "with", "saved")]
    if time is not None:
        rows += [
            ("compression, s", "-", _seconds(time["compression"]), _seconds(-time["compression"])),
            ("LLM reads, s", *_three(case.tokens / (case.llm_speed or 1), time["llm_input"], _seconds)),
            ("the rest, s", *_three(case.other_seconds, case.other_seconds, _seconds)),
            ("time, s", *_three(time["without"], time["with"], _seconds)),
        ]
    if money is not None:
        rows += [
            ("1,000 requests: machine, money", "-", _money(money["machine"]), _money(-money["machine"])),
            ("1,000 requests: LLM input, money", *_three(money["without"], money["llm_input"], _money)),
            ("1,000 requests: money", *_three(money["without"], money["with"], _money)),
        ]
    parts += [table(rows), _verdict(time, money), _break_even(case)]
    rows = [("tokens a request", "seconds saved", "of the time", "money saved on 1,000")]
    for line in at_lengths(case):
        share, seconds, saved = line["saved_share"], line["seconds_saved"], line["money_saved"]
        rows.append(
            (
                f"{line['tokens']:,.0f}",
                "-" if seconds is None else _seconds(seconds),
                "-" if share is None else f"{_rounded(share, 3):+.1%}",
                "-" if saved is None else _money(saved),
            )
        )
    parts += [table(rows), _million(case), _CAVEATS]
    return "\n\n".join(parts)


def _verdict(time: Mapping[str, float] | None, money: Mapping[str, float] | None) -> str:
    said = []
    if time is not None:
        share = f"{abs(time['saved_share']):.1%} of the request"
        said.append(
            f"Compression saves {_seconds(time['saved'])} s, {share}."
            if time["saved"] > 0
            else f"Compression makes the request {_seconds(-time['saved'])} s slower, {share}."
        )
    if money is not None and not money["saved"]:
        said.append("It neither saves nor costs money.")
    elif money is not None:
        said.append(
            f"It saves {_money(money['saved'])} on 1,000 requests."
            if money["saved"] > 0
            else f"It costs {_money(-money['saved'])} more than it saves on 1,000 requests."
        )
    return " ".join(said)


def _break_even(case: Case) -> str:
    points = case.break_even()
    time, money, machine = points["time"] or {}, points["money"] or {}, points["machine"]
    rows: list[tuple[str, ...]] = [("compression pays", "in time", "in money")]
    for label, key, form in (
        ("from tokens a request", "tokens", ",.0f"),
        ("keeping at most", "rate", ".3f"),
        ("compressor, tokens/s, at least", "compressor_speed", ",.0f"),
        ("LLM, tokens/s, at most", "llm_speed", ",.0f"),
        ("LLM price per million, at least", "llm_price", ".4g"),
    ):
        rows.append((label, *(_point(side, key, form) for side in (time, money))))
    text = table(rows)
    if machine is not None:
        needed, most = machine["requests_per_hour"], machine["capacity_per_hour"] or 0.0
        text += "\n\nA machine that does nothing else "
        if needed is None or needed > most:
            text += f"never pays for itself: it can take {most:,.0f} requests an hour."
        else:
            text += f"pays for itself from {needed:,.0f} requests an hour, and can take {most:,.0f}."
    return text


def _million(case: Case) -> str:
    sums = case.million_chunks()
    seconds = sums["seconds_saved"]
    rows = [(f"a million chunks of {case.chunk_tokens:,} tokens", "")]
    for label, value, form in (
        ("requests", sums["requests"], ",.0f"),
        ("tokens the LLM does not read", sums["tokens_saved"], ",.0f"),
        ("compressor, hours of one machine", sums["compressor_hours"], ",.2f"),
        ("waiting saved, hours", None if seconds is None else seconds / 3600, "+,.2f"),
        ("LLM input saved, money", sums["llm_money_saved"], ",.2f"),
        ("compressor's machine, money", sums["machine_money"], ",.2f"),
        ("saved, money", sums["money_saved"], "+,.2f"),
    ):
        rows.append((label, "-" if value is None else format(_rounded(value, 2), form)))
    return table(rows)


def _point(points: Mapping[str, float | None], key: str, form: str) -> str:
    if key not in points:
        return "-"
    value = points[key]
    if value is None:
        return "never"
    return "always" if value == 0 and key != "rate" else format(value, form)


def _three(without: float, with_: float, form: Callable[[float], str]) -> tuple[str, str, str]:
    return form(without), form(with_), form(without - with_)


def _seconds(value: float) -> str:
    return f"{_rounded(value, 3):,.3f}"


def _money(value: float) -> str:
    """Of a thousand requests, since that of one is mostly below a hundredth."""
    return f"{_rounded(1000 * value, 4):,.4f}"


def _rounded(value: float, digits: int) -> float:
    """What is printed: nothing lost is 0.00 and not -0.00."""
    return round(value, digits) + 0.0

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boildown.errors import ConfigurationError
from boildown.text.protected import PROTECTED_KINDS, find_protected

# fmt: off
PIECES = st.sampled_from(
    [
        "word ", "5 km", "-3.5%", "1,234", "$", "2021-03-05", "May 3, 2020", "10:30 pm", "3月", "http://a.org/",
        "www.", ".com", "a@b.org", "snake_case", "camelCase", "ABC-123", "v1.2", "/usr/bin", "()", "`", "```\n",
        "{", "}", "[", "]", ":", ",", '"', "'", "“", "”", "«", "»", "「", "」", '{"a": 1}', "[1, 2]", "\n", " ",
        "\ud800", "你好", "٥", "true", "\\", "''"
    ]
)
# fmt: on
TEXTS = st.lists(PIECES, max_size=30).map("".join) | st.text(max_size=100)


def found(text: str, *kinds: str) -> list[str]:
    return [span.of(text) for span in find_protected(text, kinds)]


@given(TEXTS, st.sets(st.sampled_from(PROTECTED_KINDS)))
def test_spans_are_sorted_and_apart(text, kinds):
    spans = find_protected(text, kinds, [r"\w+ \w+"])
    end = 0
    for span in spans:
        assert end <= span.start < span.end <= len(text)
        assert span.label in kinds | {"pattern"}
        end = span.end


@given(TEXTS)
def test_every_kind_stays_whole_among_the_others(text):
    together = find_protected(text, PROTECTED_KINDS)
    for kind in PROTECTED_KINDS:
        for span in find_protected(text, [kind]):
            assert any(other.start <= span.start and span.end <= other.end for other in together)


CASES = {
    "number": {
        "It cost $3.50, €5 million or US$ 7 bn.": ["$3.50", "€5 million", "US$ 7 bn"],
        "USD 20 and 20 EUR, Rs. 500": ["USD 20", "20 EUR", "Rs. 500"],
        "10–20 km, 5 to 10% and -5 °C, ±3 mm": ["10–20 km", "5 to 10%", "-5 °C", "±3 mm"],
        "1,234,567.89 or 1.234.567,89 or 12 345 678 or 1'000 or 12,34,567": [
            "1,234,567.89",
            "1.234.567,89",
            "12 345 678",
            "1'000",
            "12,34,567",
        ],
        "12,34,567.50 and 1 234 567 kg and 1.234.567,89 € and 5 000–6 000 m": [
            "12,34,567.50",
            "1 234 567 kg",
            "1.234.567,89 €",
            "5 000–6 000 m",
        ],
        "in 10 20 300 and 10 20 30 45": ["10", "20 300", "10", "20", "30", "45"],
        "1.5e-3 m, 3×10^8 m/s and 6.02 × 10²³, 2½, 3/4": ["1.5e-3 m", "3×10^8 m/s", "6.02 × 10²³", "2½", "3/4"],
        "the 5th of the 1990s, 3D, 16GB, 20 people": ["5th", "1990s", "3D", "16GB", "20 people"],
        "a 5-year plan, 60 km/h, 100 m²": ["5-year", "60 km/h", "100 m²"],
        "约5公里，3万人，6.5亿元，12.5%，第3名": ["5公里", "3万人", "6.5亿元", "12.5%", "3名"],
        "٥٠ كم, १२ किमी, 5 млн": ["٥٠ كم", "१२ किमी", "5 млн"],
        "x86 and a_1 have none": [],
        "line\n3, item - 4": ["3", "4"],
        "no digits": [],
    },
    "date": {
        "On 2021-03-05, 2021-03 and 2021-03-05T10:00:00.5Z or 2021-03-05 10:00+02:00": [
            "2021-03-05",
            "2021-03",
            "2021-03-05T10:00:00.5Z",
            "2021-03-05 10:00+02:00",
        ],
        "12 March 2021; Mar 3, 2020; May 2010; June 5–7; 1st of May": [
            "12 March 2021",
            "Mar 3, 2020",
            "May 2010",
            "June 5–7",
            "1st of May",
        ],
        "3/4/2020, 03.04.20, 2020/03/04": ["3/4/2020", "03.04.20", "2020/03/04"],
        "at 5:30 pm, 3 p.m., 10:45:03 UTC": ["5:30 pm", "3 p.m.", "10:45:03 UTC"],
        "2021年3月5日，5月，3月5日，二〇二一年三月，一九九八年": [
            "2021年3月5日",
            "5月",
            "3月5日",
            "二〇二一年三月",
            "一九九八年",
        ],
        "10点30分，过了20年，二十年": ["10点30分"],
        "2021년 3월 5일": ["2021년 3월 5일"],
        "am 3. Oktober 1990, le 5 mai 1821, 3 de mayo de 2020, 9 мая 1945, 3 مارس 2020, 15 अगस्त 1947": [
            "3. Oktober 1990",
            "5 mai 1821",
            "3 de mayo de 2020",
            "9 мая 1945",
            "3 مارس 2020",
            "15 अगस्त 1947",
        ],
        "Q3 2024": ["Q3 2024"],
        "they may 5 times march 3 miles": [],
        "version 1.2.3.4": [],
    },
    "url": {
        "See https://a.b/c_(d)?e=f. (http://x.org/a) [http://y.org/b]": [
            "https://a.b/c_(d)?e=f",
            "http://x.org/a",
            "http://y.org/b",
        ],
        "www.foo.com, example.com/a/b, foo.co.uk and mailto:a@b.c!": [
            "www.foo.com",
            "example.com/a/b",
            "foo.co.uk",
            "mailto:a@b.c",
        ],
        "访问https://a.com获取": ["https://a.com"],
        "**http://a.org**": ["http://a.org"],
        "no.url :// www. x. :com": [],
        "none": [],
    },
    "email": {
        "mail a.b+c@foo.co.uk!": ["a.b+c@foo.co.uk"],
        "a@b @c d@": [],
    },
    "identifier": {
        "snake_case camelCase PascalCase _private iPhone": [
            "snake_case",
            "camelCase",
            "PascalCase",
            "_private",
            "iPhone",
        ],
        "ABC-123, CVE-2021-44228. COVID-19 JMSCMQ0001 x86": [
            "ABC-123",
            "CVE-2021-44228",
            "COVID-19",
            "JMSCMQ0001",
            "x86",
        ],
        "v2.0.1 2.0.1 192.168.1.1:80 0xFF #42 7f3a9c1": ["v2.0.1", "2.0.1", "192.168.1.1:80", "0xFF", "#42", "7f3a9c1"],
        "/usr/bin/x ./a.sh C:\\foo\\bar src/a/b.py main.py": [
            "/usr/bin/x",
            "./a.sh",
            "C:\\foo\\bar",
            "src/a/b.py",
            "main.py",
        ],
        "550e8400-e29b-41d4-a716-446655440000": ["550e8400-e29b-41d4-a716-446655440000"],
        "foo.bar() a::b com.acme.Tool --help @user $HOME": [
            "foo.bar()",
            "a::b",
            "com.acme.Tool",
            "--help",
            "@user",
            "$HOME",
        ],
        "10.1234/abc.d": ["10.1234/abc.d"],
        "c’est-à-dire, a 500-mile drive in 2021.Then Well-known and/or Twenty NATO 1998 3.5 e.g. U.S.": [],
    },
    "code": {
        "Use `x = 1` or ``a`b`` now": ["`x = 1`", "``a`b``"],
        "A\n```python\na = `1`\n\nb\n```\nB": ["```python\na = `1`\n\nb\n```"],
        "~~~\nx\n~~~": ["~~~\nx\n~~~"],
        "lone ` tick and ``` three": [],
    },
    "json": {
        'x {"a": [1, {"b": null}], "c": "\\u00e9}"} y': ['{"a": [1, {"b": null}], "c": "\\u00e9}"}'],
        '["x"] [true] [1, 2, 3, 4.5e3] [[1]]': ['["x"]', "[true]", "[1, 2, 3, 4.5e3]", "[[1]]"],
        'see {not ["y", -2]} and [1, {"z": 1}': ['["y", -2]', '{"z": 1}'],
        '[1] [1, 2] {} [] [x] {1: 2} [1,] {"a"} {"a":} [1 2] ]': [],
        '{"a": [1, 2}] {"b": 1,} [01] ["a\nb"]': [],
    },
    "quote": {
        'He said "hi there" and “so what” and ‘don’t go’': ['"hi there"', "“so what”", "‘don’t go’"],
        "'it isn't' «bonjour» « oui » „ja“ »nein« ‚na‘ ‹a›": [
            "'it isn't'",
            "«bonjour»",
            "« oui »",
            "„ja“",
            "»nein«",
            "‚na‘",
            "‹a›",
        ],
        "「你好」『再见』《书》〈篇〉": ["「你好」", "『再见』", "《书》", "〈篇〉"],
        "sa han ”hej” nu": ["”hej”"],
        "5\" pipe, 6\" pipe; the dogs' bone's": [],
        '"' + "x" * 300 + '"': [],
    },
}


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [(kind, text, expected) for kind, cases in CASES.items() for text, expected in cases.items()],
)
def test_kinds(kind, text, expected):
    assert found(text, kind) == expected


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(10**9), 10**9)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
        max_leaves=12,
    ),
    st.sampled_from([None, 1]),
)
def test_every_json_object_is_found(value, indent):
    text = f"see {json.dumps({'key': value}, indent=indent)} there"
    assert found(text, "json") == [text[4:-6]]


@given(TEXTS)
def test_what_is_found_as_json_loads(text):
    for span in find_protected(text, ["json"]):
        assert isinstance(json.loads(span.of(text)), (dict, list))


def test_nesting_has_a_limit():
    assert found("[" * 500 + '"x"' + "]" * 500, "json") != []
    assert found("[" * 100_000, "json") == []


@pytest.mark.parametrize("numbers", ["10 20 30 45 ", "100 200 300 400 ", "100,200,300,400,"])
def test_a_long_list_of_numbers_is_read_once_and_is_no_number(numbers: str) -> None:
    """An expression that runs to its end and begins anew at each of them would take minutes."""
    spans = find_protected(numbers * 10_000, PROTECTED_KINDS)
    assert len(spans) > 1000
    assert max(span.end - span.start for span in spans) < 50


def test_overlapping_spans_become_one():
    text = "see http://a.org/2021-03-05/x5 and “5 km” in 12 March 2021 at 5 km/h north"
    spans = find_protected(text, PROTECTED_KINDS, [r"km/h north"])
    assert [(span.of(text), span.label) for span in spans] == [
        ("http://a.org/2021-03-05/x5", "url"),
        ("“5 km”", "quote"),
        ("12 March 2021", "date"),
        ("5 km/h north", "pattern"),
    ]


def test_the_most_specific_kind_names_equal_spans():
    assert [span.label for span in find_protected("2.0.1", PROTECTED_KINDS)] == ["identifier"]
    assert [span.label for span in find_protected("2.0.1", PROTECTED_KINDS, [r"2\.0\.1"])] == ["pattern"]


def test_only_the_wanted_kinds():
    assert find_protected("5 km on 2021-03-05", []) == []
    assert found("5 km on 2021-03-05", "date") == ["2021-03-05"]


def test_patterns():
    spans = find_protected("Order A7 and b9", [], [re.compile("[a-z]\\d", re.IGNORECASE), "x*"])
    assert [(span.start, span.end, span.label) for span in spans] == [(6, 8, "pattern"), (13, 15, "pattern")]


def test_a_bad_pattern_says_where():
    with pytest.raises(ConfigurationError, match=r"'\(abc'.*position 0.*re\.escape"):
        find_protected("x", [], ["(abc"])
    with pytest.raises(ConfigurationError, match="compiled str pattern"):
        find_protected("x", [], [re.compile(b"x")])  # type: ignore[list-item]


def test_an_unknown_kind_gets_a_hint():
    with pytest.raises(ConfigurationError, match="Did you mean 'number'"):
        find_protected("x", ["numbers"])

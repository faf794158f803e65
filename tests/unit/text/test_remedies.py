"""Queries that tell of a problem, and headings of causes and remedies."""

from __future__ import annotations

import pytest

from boildown.text.remedies import promises_remedy, tells_of_problem


@pytest.mark.parametrize(
    "query",
    [
        "Why does my upgrade fail with ADMA5008E?",
        "I'm having trouble with the login",
        "The pump does not start",
        "it wont start",
        "java.lang.NullPointerException at Foo.bar",
        "Der Drucker funktioniert nicht",
        "La page affiche une erreur",
        "服务器报错，无法登录",
    ],
)
def test_these_tell_of_a_problem(query: str) -> None:
    assert tells_of_problem(query)


@pytest.mark.parametrize("query", ["", "Who won the cup in 1966?", "How do I set the port?", "Wann ist geöffnet?"])
def test_these_do_not(query: str) -> None:
    assert not tells_of_problem(query)


@pytest.mark.parametrize(
    "heading",
    [
        "RESOLVING THE PROBLEM\n", "LOCAL FIX", "## Resolution", "Root cause", "**Workaround:**", "Remediation/Fixes",
        "How to fix the error", "3. Resolution steps", "<h2>Known workarounds</h2>\n", "Lösung", "Résolution",
        "解决方案", "原因", "対処法",
    ],
)  # fmt: skip
def test_headings_of_remedies(heading: str) -> None:
    assert promises_remedy(heading)


@pytest.mark.parametrize(
    "heading",
    ["", "Symptom", "FIX INFORMATION", "Fix list", "Solutions for retail", "Because of this", "Answer 2", "---",
     "The cause of the First World War", "Causes and consequences of the war", f"Solution {'x' * 60}"],
)  # fmt: skip
def test_headings_of_something_else(heading: str) -> None:
    assert not promises_remedy(heading)

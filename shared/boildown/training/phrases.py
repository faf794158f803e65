"""How English passages state relations and facts, and how questions ask for them."""

from __future__ import annotations

import re

__all__ = ["FACTS", "FILM_YEAR", "LIFE", "LINKS", "OF_DIRECTORS", "OF_FILMS", "OF_LIVES"]

_NAME = r"([A-Z][\w'’-]+ (?:[A-Z]\. |[A-Z][\w'’-]+ ){0,2}[A-Z][\w'’-]+|(?:[A-Z]\. ?){1,3}[A-Z][\w'’-]+)"
LIFE = re.compile(r"^([A-Z][^()\d]{4,60}?)\s*\(([^()]*\d{4}[^()]*)\)")
FILM_YEAR = re.compile(
    r"\bis an? (?:upcoming )?(?:\d{4}) [^.]{0,60}?\bfilm\b|\bis an? [^.]{0,60}?\bfilm\b[^.]{0,60}\d{4}"
)

LINKS: tuple[tuple[str, re.Pattern[str], tuple[str, ...]], ...] = (
    (
        "film",
        re.compile(rf"\bdirected by (?:[a-z]+ )?{_NAME}"),
        ("the director of film {}", "the director of {}", "{}'s director", "the person who directed {}"),
    ),
    ("film", re.compile(rf"\bproduced by {_NAME}"), ("the producer of {}", "the producer of film {}")),
    ("", re.compile(rf"\bwritten by {_NAME}"), ("the writer of {}", "the author of {}", "the person who wrote {}")),
    ("", re.compile(rf"\b(?:composed|scored) by {_NAME}"), ("the composer of {}", "{}'s composer")),
    (
        "",
        re.compile(rf"\b(?:song|single|album|recorded|performed) by (?:[A-Za-z-]+ ){{0,4}}?{_NAME}"),
        ("the performer of {}", "the performer of song {}", "the artist who recorded {}"),
    ),
    ("", re.compile(rf"\b(?:founded|established|created) by {_NAME}"), ("the founder of {}", "the creator of {}")),
    ("", re.compile(rf"\bstarring {_NAME}"), ("the star of {}", "the lead actor of {}")),
    (
        "life",
        re.compile(rf"\b(?:son|daughter|child) of (?:[A-Z]?[a-z]+ ){{0,2}}?{_NAME}"),
        ("the father of {}", "{}'s father", "{}'s parent"),
    ),
    (
        "life",
        re.compile(rf"\bmarried (?:[a-z]+ ){{0,3}}?{_NAME}"),
        ("the spouse of {}", "{}'s husband", "{}'s wife", "the person whom {} married"),
    ),
    ("life", re.compile(rf"\b(?:wife|husband|widow) of {_NAME}"), ("{}'s spouse", "the husband of {}")),
)
"""What the linking passage is, how it names the other subject, and how a question calls that."""

FACTS: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = (
    (
        re.compile(r"\((?:[^()]*\bborn\b)?[^()]*\d{4}"),
        (
            "When was {} born?",
            "What is the date of birth of {}?",
            "What year was {} born?",
            "{} was born in what year?",
        ),
    ),
    (
        re.compile(r"\([^()]*\d{4}[^()]*[-–—][^()]*\d{4}|\bdied\b[^.]{0,40}\d{4}"),
        ("When did {} die?", "What is the date of death of {}?", "In what year did {} die?"),
    ),
    (
        re.compile(r"\bborn (?:and raised |[\d\w ,]{0,24})?(?:in|at) [A-Z]"),
        ("Where was {} born?", "What is the place of birth of {}?", "In which city was {} born?"),
    ),
    (re.compile(r"\bdied [^.]{0,40}?\b(?:in|at) [A-Z]"), ("Where did {} die?", "What is the place of death of {}?")),
    (
        re.compile(r"\b(?:is|was) an? [A-Z][a-z]+"),
        ("Which country is {} from?", "What nationality is {}?", "Where is {} from?"),
    ),
    (
        re.compile(r"\b(?:studied|graduated|educated|attended|enrolled|degree)\b"),
        ("Where did {} study?", "Which university did {} attend?", "What school did {} go to?"),
    ),
    (
        re.compile(r"\b(?:won|received|awarded|nominated)\b[^.]*\b(?:[A-Z]\w+ )?(?:Award|Prize|Medal|award|prize)"),
        ("What award did {} receive?", "Which prize was {} given?"),
    ),
    (re.compile(r"\bmarried\b|\bhis wife\b|\bher husband\b"), ("Who is the spouse of {}?", "Whom did {} marry?")),
    (
        re.compile(r"\b(?:son|daughter) of\b"),
        ("Who is the father of {}?", "Who is the mother of {}?", "Who are the parents of {}?"),
    ),
    (re.compile(r"\b(?:best )?known for\b|\bfamous for\b"), ("What is {} known for?", "What made {} famous?")),
    (
        re.compile(r"\b(?:moved|emigrated|lived|lives|resides)\b[^.]*\b[A-Z]"),
        ("Where did {} live?", "Where did {} move to?"),
    ),
    (re.compile(r"\b(?:played|plays) for\b"), ("Which team did {} play for?", "For which club did {} play?")),
)
"""A fact of a life by how it is written, and how it is asked for. The first sentence that fits is needed."""

OF_LIVES = (
    "Who was born first, {} or {}?",
    "Who is older, {} or {}?",
    "Who is younger, {} or {}?",
    "Who was born later, {} or {}?",
    "Who died first, {} or {}?",
    "Who lived longer, {} or {}?",
    "Are {} and {} of the same nationality?",
    "Were {} and {} from the same country?",
    "What occupation do {} and {} share?",
    "Do {} and {} have the same profession?",
)
OF_FILMS = (
    "Which film came out first, {} or {}?",
    "Which film was released more recently, {} or {}?",
    "Was {} or {} released earlier?",
    "Which is the older film, {} or {}?",
    "Are {} and {} from the same country?",
    "Are both {} and {} films of the same genre?",
)
OF_DIRECTORS = (
    "Which film has the director who was born later, {} or {}?",
    "Which film has the director born first, {} or {}?",
    "Which film whose director is younger, {} or {}?",
    "Which film has the director who died first, {} or {}?",
    "Are the directors of {} and {} from the same country?",
    "Do {} and {} share directors of the same nationality?",
)

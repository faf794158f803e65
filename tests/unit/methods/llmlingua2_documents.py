"""What the token classifiers of the tests of LLMLingua-2 read."""

from __future__ import annotations

DOCUMENTS = [
    "The harbour master counted 312 ships. Moving the sound post changes the tone!",
    "",
    "灯塔守护人记录了船只。当地的面包师把面种养了几十年。",
    " \n\t ",
    "Where does the water go? Größere Straßen 👍🏽 führen\nüber die Brücke, \ud83d naturellement.",
]
LONG = " ".join(f"Sentence number {i} tells of {i * 7} ships in the harbour." for i in range(60))

from __future__ import annotations

import textwrap

import pytest

from boildown.text.sentences import split_sentences


def units(text: str) -> list[str]:
    return [text[start:end] for start, end in split_sentences(text)]


RECORDS = {
    "log": """\
2024-05-01 12:00:01,123 INFO  server started on port 8001 for tenant alpha
2024-05-01 12:00:02,200 INFO  server started on port 8002 for tenant beta gamma
2024-05-01 12:00:04,004 ERROR request of tenant alpha was refused by the server""",
    "log by level": """\
INFO  request 1 took 9120 ms and was sent to the backend in zone b
WARN  request 22 took 40 ms and was sent to the backend in zone b
INFO  request 3 took 1 ms and was sent to the backend in zone b""",
    "log of a system": """\
May  3 12:00:01 host sshd[37]: Accepted publickey for user1 from 10.0.0.1 port 51
May  3 12:00:02 host sshd[740]: Accepted publickey for user2 from 10.0.0.2 port 52""",
    "CSV": """\
name,city,price,country
widget number one,berlin,1.5,germany and others
widget number two,st johns,3.5,canada and others
Widget Number Three,Rome,17,italy and others""",
    "YAML": """\
server:
  host: example.org
  description: a long description of this server here
  level: debug
logging:
  file: /var/log/server.log
  rotate: every day at midnight
  timeout: 30s""",
    "list of files": """\
total 48
-rw-r--r-- 1 root root  1234 Nov 28 11:45 README.md
drwxr-xr-x 2 root root  4096 Nov  8 11:45 shared
drwxr-xr-x 9 root root  4096 Nov 28 11:45 integrations of things
-rwxr-xr-x 1 bob  users  934 Jan  2  2023 run.sh""",
    "hits of a search": """\
src/a.py:12:    return value_of(the, thing)
src/b/c.py:3:import os and other things too
README.md:40:the server is started with this command
src/a.py:112: # the value of the thing is returned here""",
    "chat": """\
Alice: I think we should go there tomorrow as early as we can
Bob: yes that would be good for all of us here today, I think
Project Manager: at nine in the morning then maybe""",
    "stack": """\
java.lang.IllegalStateException: was stopped
  at com.ibm.ws.runtime.component.ContainerImpl.start(ContainerImpl.java:12)
  at com.ibm.ws.runtime.WsServerImpl.main(WsServerImpl.java:1)
Caused by: java.io.IOException: the file was not found""",
    "titles": """\
The Effects of Long Winters on the Migration of Northern Geese
A Study of Migration Patterns in the Northern Hemisphere
Long Winters and Their Influence on the Economics of Farming""",
    "variables": """\
export PATH=/usr/bin:/bin and more of the same here
export FOO=bar and more of the same here
export BAR=baz and more of the same here""",
    "columns": """\
acacia      seeds in pods       five months
beech       nuts in husks       two months""",
    "announced commands": """\
The server can be stopped by the following command:
stop the server now""",
    "salutation": "Dear Madam,\nWe have received your letter of May.",
}


@pytest.mark.parametrize("text", RECORDS.values(), ids=RECORDS.keys())
def test_records_have_a_line_each(text: str) -> None:
    assert units(text) == text.splitlines(keepends=True)


PROSE = {
    "English": (
        "The harbour of the town was rebuilt in 1931, after a storm had sunk what stood there. Its engineers came from "
        "Rotterdam, Copenhagen, Hamburg and a few other towns: they had built docks at the North Sea; some of them "
        "stayed. A well-known one, Dr. Anna Petersen of the Technical University of Denmark, wrote about the work "
        "in the Journal of Civil Engineering and drew the tall red lighthouse that stands at the end of the pier."
    ),
    "German": (
        "Der Hafen der Stadt wurde im Jahr 1931 neu gebaut, nachdem ein Sturm die alten Mauern versenkt hatte. Die "
        "Ingenieure kamen aus Rotterdam, Kopenhagen und Hamburg, wo sie schon Hafenbecken und Leuchttürme errichtet "
        "hatten. Eine von ihnen beschrieb die Arbeit später in einem Buch über Wasserbau und zeichnete den Turm."
    ),
    "Arabic": (
        "أعيد بناء ميناء المدينة بعد العاصفة الكبيرة التي أغرقت كل ما كان هناك من سفن ومخازن قديمة. وجاء المهندسون "
        "من مدن كثيرة كانوا قد بنوا فيها أحواضا ومنارات عالية على شواطئ البحر ثم بقي بعضهم في المدينة سنوات طويلة."
    ),
}


@pytest.mark.parametrize("prefix", ["", "> ", "    "], ids=["plain", "quoted", "indented"])
@pytest.mark.parametrize("width", [60, 68, 72, 80, 90, 100])
@pytest.mark.parametrize("text", PROSE.values(), ids=PROSE.keys())
def test_wrapped_prose_has_the_sentences_of_what_was_wrapped(text: str, width: int, prefix: str) -> None:
    wrapped = textwrap.fill(text, width, initial_indent=prefix, subsequent_indent=prefix)
    found = [" ".join(unit.replace(prefix or "\n", " ").split()) for unit in units(wrapped)]
    assert [unit.replace("- ", "-") for unit in found] == [unit.strip() for unit in units(text)]


def test_a_page_is_wrapped_at_about_the_same_width() -> None:
    text = (
        "The harbour of the town was rebuilt after a great storm had\n"
        "sunk what stood there, and its engineers\n"
        "had come from Rotterdam and other towns in which they had\n"
        "built docks before."
    )
    assert units(text) == [text]

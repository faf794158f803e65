"""Documents, an embedding and a chat model, all deterministic and offline, for the tests of this folder."""

from __future__ import annotations

import math
import re
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.vectorstores import InMemoryVectorStore
from pydantic import Field

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from tiny_models import bert, llama

__all__ = ["bert", "llama"]

BELL = """The Carrick Bell lighthouse was built in 1889 by the engineer Ailsa Moncrieff.
Its tower is 41.5 m high.

The lamp first burned colza oil and was changed to paraffin in 1907.
Keepers lived in two cottages beside the tower.
In winter the supply boat came once every three weeks, weather allowing.
The keepers grew cabbages behind a stone wall.
The fog signal, a siren driven by compressed air, could be heard 12 km out at sea.
The light was automated in 1986.
Today the cottages are rented to visitors; see https://carrick-bell.example/stay?from=2024-05-01 for dates."""

TEA = """Tea plants prefer acid soil and steady rain.
Leaves for green tea are steamed or pan-fired soon after picking.

For black tea the leaves are rolled and left to oxidise for two to four hours at about 25 °C.
Oolong lies in between.
Brewing green tea above 80 °C makes it bitter.
A gaiwan holds about 120 ml and is emptied in one go.
Many growers pick only two leaves and a bud.
The first flush is the most expensive of the year."""

BRIDGE = """The bridge at Orne was opened on 3 May 1931 and carried trams until 1962.
Steel came from a mill 90 km away.

Its main span measures 214 m.
The deck hangs from 96 cables, each woven from 19 strands.
In 2003 an inspection found corrosion in 7 cables, and they were replaced within a year.
The literal text <#ref0#> stands on a plate at the north pier, and {query} on one at the south pier.
Cyclists use the former tram lane.
A toll of 0.35 crowns was collected at the eastern end until 1949."""

CODE = """To read the sensor, open the serial port at 9600 baud and send the letter R.
It answers within 50 ms.

```python
def read(port):
    port.write(b"R")

    return port.readline()
```

If the answer is empty, wait one second and try again.
The sensor sleeps after ten minutes without a request.
Firmware 2.3.1 fixes a fault in which the temperature was reported with the wrong sign below zero."""

HARBOUR = """灯塔位于港口的北端。它建于1889年,高四十一米。每天晚上都有船只经过这里。

港口的冬天很冷,但是从不结冰。渔民在黎明之前出海。市场在每周三和周六开放。"""

BEES = """A honeybee colony has one queen and up to 60,000 workers in summer.
Drones are driven out in autumn.

The waggle dance tells other workers the direction and the distance of flowers.
Its angle is measured from the sun.
A worker lives about six weeks in summer and several months in winter.
Wax is made by glands under the abdomen.
Beekeepers add a super when the frames are three quarters full.
Smoke calms the bees because they fill up on honey."""


class WordEmbeddings(Embeddings):
    """Hashed bags of words: texts that share words lie close to each other."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        vector = [1e-6] * 512
        for word in re.findall(r"\w+", text.lower()):
            vector[zlib.crc32(word.encode()) % 512] += 1.0
        norm = math.sqrt(sum(x * x for x in vector))
        return [x / norm for x in vector]


class ScriptedChatModel(BaseChatModel):
    """Gives the scripted answers in turn, and keeps every prompt that it was asked."""

    answers: list[AIMessage]
    prompts: list[list[BaseMessage]] = Field(default_factory=list)
    tools: list[Any] = Field(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        self.prompts.append(list(messages))
        answer = self.answers[(len(self.prompts) - 1) % len(self.answers)]
        return ChatResult(generations=[ChatGeneration(message=answer.model_copy(update={"id": None}))])

    def bind_tools(self, tools: Any, **kwargs: Any) -> ScriptedChatModel:
        self.tools[:] = tools
        return self


@pytest.fixture
def documents() -> list[Document]:
    """Six documents with ids and metadata, one of it nested."""
    texts = {"bell": BELL, "tea": TEA, "bridge": BRIDGE, "code": CODE, "harbour": HARBOUR, "bees": BEES}
    return [
        Document(
            id=name,
            page_content=text,
            metadata={"source": f"{name}.txt", "page": i, "extra": {"tags": [name]}},
        )
        for i, (name, text) in enumerate(texts.items())
    ]


@pytest.fixture
def embeddings() -> WordEmbeddings:
    return WordEmbeddings()


@pytest.fixture
def store(documents: list[Document], embeddings: WordEmbeddings) -> InMemoryVectorStore:
    store = InMemoryVectorStore(embeddings)
    store.add_documents(documents)
    return store


@pytest.fixture
def chat_model() -> type[ScriptedChatModel]:
    return ScriptedChatModel

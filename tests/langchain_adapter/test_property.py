from __future__ import annotations

import copy
import itertools
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.documents import Document

from boildown.counters import resolve_counter
from langchain_boildown import BoildownCompressor, source_spans

TEXTS = st.one_of(
    st.text(max_size=80),
    st.lists(
        st.sampled_from(
            [
                "The tower is 41.5 m high.",
                "It was built in 1889!",
                "See <#ref0#> and [NEW1].",
                "港口很冷。",
                "\n\n",
                "`x = 1`",
                "and",
            ]
        ),
        max_size=12,
    ).map(" ".join),
)
DOCUMENTS = st.lists(
    st.builds(
        Document,
        page_content=TEXTS,
        id=st.one_of(st.none(), st.sampled_from(["a", "b"])),
        metadata=st.fixed_dictionaries({"nested": st.fixed_dictionaries({"n": st.integers()})}),
    ),
    max_size=6,
)
BUDGETS = st.one_of(
    st.builds(dict, tokens=st.integers(0, 60)),
    st.builds(dict, rate=st.floats(0, 1)),
    st.builds(dict, threshold=st.floats(-1, 3)),
)
PLANS = st.fixed_dictionaries(
    {},
    optional={
        "documents": st.integers(0, 4),
        "order": st.sampled_from(["original", "score", "edges"]),
        "allocation": st.sampled_from(["global", "linear", "equal"]),
        "unit": st.sampled_from(["sentence", "word"]),
        "dedupe": st.sampled_from([0.5, 1.0]),
        "separator": st.sampled_from(["\n\n", "", " | "]),
    },
)


@settings(deadline=None, max_examples=150)
@given(DOCUMENTS, st.sampled_from(["How high is the tower?", "港口", "", "1889"]), BUDGETS, PLANS)
def test_every_output_is_one_input_and_its_spans_are_its_text(
    documents: list[Document], query: str, budget: dict[str, Any], plan: dict[str, Any]
) -> None:
    before = copy.deepcopy(documents)
    compressor = BoildownCompressor(method="bm25", **budget, **plan)
    kept = compressor.compress_documents(documents, query)
    places = [d.metadata["boildown_index"] for d in kept]
    assert len(set(places)) == len(places)
    for place, document in zip(places, kept, strict=True):
        original = documents[place]
        spans = source_spans(document)
        assert document.page_content == "".join(original.page_content[s:e] for s, e in spans)
        assert all(s < e for s, e in spans)
        assert all(e <= s for (_, e), (s, _) in itertools.pairwise(spans))
        assert document.id == original.id
        assert document.metadata["nested"] == original.metadata["nested"]
    assert documents == before
    if "documents" in plan:
        assert len(kept) <= plan["documents"]
    if "tokens" in budget:
        assert resolve_counter(None).count(compressor.separator.join(d.page_content for d in kept)) <= budget["tokens"]

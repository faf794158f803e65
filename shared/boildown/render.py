"""A compression as HTML, to see what was kept and what was not."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING

from boildown.counters import well_formed
from boildown.types import CompressedDocument, Span

if TYPE_CHECKING:
    from boildown.result import Compression

__all__ = ["render_html"]

_REASONS = {
    "budget": "dropped: the budget went to better text",
    "documents": "dropped: beyond the number of documents asked for",
    "duplicate": "dropped: repeats another document",
    "empty": "dropped: no text",
}

# The first line is for browsers that open the fragment as a page of its own.
_STYLE = """<meta charset="utf-8">
<style>
.boildown { --text: #1c1c1a; --faint: #76766f; --line: #dcdcd4; --ground: #fff; --kept: #fdf0b5;
  --guard: #b4540a; color: var(--text); background: var(--ground); font: 15px/1.55 system-ui, sans-serif;
  max-width: 52rem; margin: 0 auto; padding: 1rem; }
@media (prefers-color-scheme: dark) {
  .boildown { --text: #ecece6; --faint: #94948c; --line: #41413c; --ground: #1b1b19; --kept: #4f4510;
    --guard: #ffb36b; }
  :root:has(> body > .boildown) { background: #1b1b19; }
}
.boildown h1 { font-size: 1.25rem; margin: 0 0 .25rem; }
.boildown h2 { font-size: 1rem; margin: 0; display: inline; }
.boildown p { margin: .25rem 0; }
.boildown .figures, .boildown .legend, .boildown .text { color: var(--faint); }
.boildown .figures { font-variant-numeric: tabular-nums; }
.boildown section, .boildown details { border-top: 1px solid var(--line); padding: .75rem 0; }
.boildown .text { white-space: pre-wrap; overflow-wrap: anywhere; margin-top: .5rem; }
.boildown mark { color: var(--text); background: var(--kept); border-radius: .15em;
  -webkit-box-decoration-break: clone; box-decoration-break: clone; }
.boildown b { font-weight: inherit; border-bottom: 2px dotted var(--guard); }
.boildown summary { cursor: pointer; }
</style>
"""


def render_html(compression: Compression) -> str:
    """One self-contained piece of HTML, without scripts, for a notebook, a page, or a file of its own.

    Kept text is highlighted, dropped text grey, and protected spans in the kept text are underlined, with
    their kind as the tooltip. Documents stand in the order of the result; those of which nothing was kept
    follow, folded.
    """
    documents = "".join([_document(compression, document) for document in compression.documents])
    dropped = "".join([_document(compression, document) for document in compression.dropped])
    body = f"{_header(compression)}{documents}{dropped}"
    page = f'{_STYLE}<article class="boildown">\n{body}</article>\n'
    # A lone surrogate cannot be written to a file, and a NUL is not allowed in HTML.
    return well_formed(page).replace("\0", "\ufffd")


def _header(compression: Compression) -> str:
    given = compression.budget
    limit = (
        f"at most {given.tokens:,} tokens"
        if given.tokens is not None
        else f"at most {100 * given.rate:g}% of the tokens"
        if given.rate is not None
        else f"scores of at least {given.threshold:g}"
    )
    if given.documents is not None:
        limit += f", at most {given.documents:,} documents"
    kept, dropped = len(compression.documents), len(compression.dropped)
    figures = (
        f"{compression.tokens_out:,} of {compression.tokens_in:,} tokens kept ({compression.rate:.0%}), "
        f"from {kept:,} of {kept + dropped:,} documents. Budget: {limit}. "
        f"Method: {compression.method}. Tokens counted by: {compression.counter}."
    )
    notes = "".join([f"<p>Note: {escape(note)}</p>\n" for note in compression.notes])
    return (
        f'<h1 dir="auto">{escape(compression.query.strip()) or "(no query)"}</h1>\n'
        f'<p class="figures">{escape(figures)}</p>\n{notes}'
        '<p class="legend"><mark>kept</mark> · dropped · <mark><b>protected</b></mark></p>\n'
    )


def _document(compression: Compression, document: CompressedDocument) -> str:
    source = compression.sources.documents[document.index]
    name = f"{source.title} ({document.id})" if source.title and document.id else source.title or document.id
    place = document.index + 1
    heading = f'<h2 dir="auto">{f"{place}. {escape(str(name))}" if name else f"Document {place}"}</h2>'
    figures = f"score {document.score:.3g}, {document.tokens_out:,} of {document.tokens_in:,} tokens"
    text = f'<div class="text" dir="auto">{_marked(source.text, document)}</div>'
    if document.reason:
        below = document.reason == "budget" and compression.budget.threshold is not None
        reason = "dropped: scores less than asked for" if below else _REASONS[document.reason]
        summary = f'{heading} <span class="figures">{figures}; {reason}</span>'
        return f"<details><summary>{summary}</summary>{text}</details>\n"
    return f'<section>{heading} <span class="figures">{figures}</span>{text}</section>\n'


def _marked(text: str, document: CompressedDocument) -> str:
    """The document's whole text with its kept and protected spans marked."""
    pieces = []
    position = 0
    protected = iter(document.protected)
    waiting = next(protected, None)
    for span in document.spans:
        inside = []
        while waiting is not None and waiting.end <= span.end:
            inside.append(waiting)
            waiting = next(protected, None)
        pieces += [escape(text[position : span.start]), "<mark>", *_guarded(text, span, inside), "</mark>"]
        position = span.end
    return "".join([*pieces, escape(text[position:])])


def _guarded(text: str, span: Span, protected: list[Span]) -> Iterator[str]:
    position = span.start
    for guard in protected:
        yield escape(text[position : guard.start])
        yield f'<b title="{escape(guard.label)}">{escape(guard.of(text))}</b>'
        position = guard.end
    yield escape(text[position : span.end])

"""The tool by which an agent reads the full text of a shortened result."""

# No postponed annotations here: FunctionTool reads the function's annotations as objects.

from typing import Any

from llama_index.core.tools import FunctionTool
from llama_index.core.workflow import Context

from boildown.tools.shorten import read_page
from boildown.tools.shortening import READER_NAME, unknown_reference

__all__ = ["ORIGINALS", "READER"]

ORIGINALS = "boildown_originals"
"""Key in the context's store of the full texts of shortened results, by reference."""


async def read_full_result(ctx: Context, reference: str, start: int = 0) -> str:
    """Read the full text of a tool result that was shortened.

    Args:
        reference: as the shortened result gives it.
        start: the character to begin at, to read on in a long text.
    """
    originals: dict[str, str] = await ctx.store.get(ORIGINALS, default={})
    text = originals.get(str(reference))
    if text is None:
        raise ValueError(unknown_reference(reference))
    try:  # the tool hands on what the LLM wrote, such as "8000" or null
        place = int(float(start or 0))
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"start= is a number of characters, not {start!r}.") from None
    return read_page(text, place)


READER: Any = FunctionTool.from_defaults(read_full_result, name=READER_NAME)

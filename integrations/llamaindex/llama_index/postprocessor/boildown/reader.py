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
    if reference not in originals:
        raise ValueError(unknown_reference(reference))
    return read_page(originals[reference], start)


READER: Any = FunctionTool.from_defaults(read_full_result, name=READER_NAME)

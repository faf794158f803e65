"""How a process starts: most of the time before its first result is the import of torch."""

from __future__ import annotations

import gc
import sys

__all__ = ["import_torch"]


def import_torch() -> None:
    """Imports torch without the garbage collector, which takes a tenth of the time and finds nothing.

    What has come with it goes straight to the oldest generation, or the next collection would look at all of it.
    """
    # What a caller has frozen must stay so, and the way to the oldest generation would thaw it.
    if "torch" in sys.modules or not gc.isenabled() or not hasattr(gc, "freeze") or gc.get_freeze_count():
        return
    gc.disable()
    try:
        import torch  # noqa: F401
    finally:
        gc.freeze()
        gc.unfreeze()
        gc.enable()

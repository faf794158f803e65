"""SecurityLingua: the words of a prompt that carry its intention."""

from __future__ import annotations

from boildown.methods.llmlingua2 import LLMLingua2

__all__ = ["SecurityLingua"]


class SecurityLingua(LLMLingua2):
    """LLMLingua-2 with weights that keep what reveals a prompt's intention (Li et al. 2025, SecurityLingua, section 3).

    The kept words go into the system prompt, where they tell the model what it is really asked for. The weights'
    own cut is `Budget(threshold=SecurityLingua.THRESHOLD)`; any other budget works too. Arguments are those of
    `LLMLingua2`.
    """

    name = "securitylingua"
    THRESHOLD = 0.5

"""How surprising a causal language model finds each token: any `AutoModelForCausalLM`, batched, without logits.

The body of the model gives hidden states, and only the rows that are asked for go through the LM head, by
`LossHead`. The device's scheduler runs both, so that calls share micro-batches. Texts longer than the model's window
are read in windows that overlap by half.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from boildown.errors import InputError, ModelError
from boildown.runtime.causal_text import Encoded, Window, longest_input, start_ids, windows
from boildown.runtime.checkpoint import remember_no_texts
from boildown.runtime.devices import input_device
from boildown.runtime.tokens import tokenize, without_middle

if TYPE_CHECKING:
    import torch

    from boildown.runtime.key_values import KeyValues

__all__ = ["CausalLM"]

_LONGEST = 8192
"""No window is longer than this, whatever the model allows: attention costs the square of the length."""
_SHARE_FROM = 8
"""A prefix of fewer tokens is cheaper to compute again for each row than to copy as keys and values."""


class CausalLM:
    """A causal language model and its tokenizer. It changes neither, and may be used from several threads.

    Args:
        model: a transformers model with an LM head, on its device, in evaluation mode.
        tokenizer: its fast tokenizer.

    Raises:
        ModelError: the tokenizer is a slow one, which knows no offsets, or the model is no causal language model.
    """

    def __init__(self, model: Any, tokenizer: Any) -> None:
        backend = getattr(tokenizer, "backend_tokenizer", None)
        if backend is None:
            raise ModelError(
                f"{type(tokenizer).__name__} is a slow tokenizer, which gives no character offsets. Save a fast one "
                "beside the model (tokenizer.json), by AutoTokenizer.from_pretrained(...).save_pretrained(...)."
            )
        if getattr(model.config, "is_encoder_decoder", False) or model.get_output_embeddings() is None:
            raise ModelError(f"{type(model).__name__} is no causal language model; use one that generates text.")
        from boildown.runtime.causal_losses import losses_of

        self.model, self.tokenizer = model, tokenizer
        # A copy, since transformers sets truncation and padding on the one it shares with others.
        self._backend = copy.deepcopy(backend)
        self._backend.no_truncation()
        self._backend.no_padding()
        remember_no_texts(self._backend)
        self.limit = min(longest_input(model.config, tokenizer), _LONGEST)
        self.start_ids = start_ids(tokenizer)
        self._rows = int(model.get_input_embeddings().num_embeddings)
        self._losses = losses_of(model, self.device)

    @property
    def device(self) -> torch.device:
        """Where input goes."""
        return input_device(self.model)

    def encode(self, texts: Sequence[str]) -> list[Encoded]:
        """Tokens of each text, without special tokens.

        Raises:
            ModelError: the tokenizer knows tokens that the model does not.
        """
        found = tokenize(self._backend, texts)
        self._check(found.ids)
        edges = np.searchsorted(found.text, np.arange(len(texts) + 1)).tolist()
        return [Encoded(found.ids[i:j], found.start[i:j], found.end[i:j]) for i, j in pairwise(edges)]

    def token_nll(self, texts: Sequence[Encoded], prefix: NDArray[np.int64] | None = None) -> list[NDArray[np.float64]]:
        """Negative log-likelihood of each token given those before it, and the prefix before them, in nats.

        Args:
            texts: any lengths; longer ones than the model's window are read in overlapping windows.
            prefix: what the model reads first, for example a question; its keys and values are computed once.

        Returns:
            one array of shape (tokens,) for each text. Where nothing stands before the first token (no prefix, and a
            tokenizer without a token to start with) it gets the mean of the text's others.

        Raises:
            InputError: the prefix leaves less than an eighth of the window for the text.
        """
        lead = self._lead(prefix)
        room = self._room(len(lead))
        plan = [(i, w) for i, text in enumerate(texts) for w in windows(len(text.ids), room)]
        rows = [texts[i].ids[w.begin : w.end] for i, w in plan]
        losses = self._nll(rows, [w.score_from - w.begin for _, w in plan], lead)
        found = [np.zeros(len(text.ids)) for text in texts]
        for (i, w), loss in zip(plan, losses, strict=True):
            found[i][w.score_from : w.end] = loss
        if not len(lead):
            for values in found:
                if len(values):
                    values[0] = values[1:].mean() if len(values) > 1 else 0.0
        return found

    def continuation_nll(
        self, texts: Sequence[Encoded], continuation: NDArray[np.int64], unscored: int = 0
    ) -> NDArray[np.float64]:
        """Mean negative log-likelihood of the continuation after each text, in nats.

        Only the continuation's rows go through the LM head. For a text longer than the window it is the least of its
        windows': the text explains the continuation as well as the best part of it does.

        Args:
            texts: any lengths.
            continuation: shape (n,), at least one token.
            unscored: so many of its first tokens are read and not counted.

        Returns:
            shape (texts,), always finite.

        Raises:
            InputError: the continuation leaves less than an eighth of the window for the text.
        """
        lead = self._lead(None)
        room = self._room(len(lead) + len(continuation))
        plan = [(i, w) for i, text in enumerate(texts) for w in windows(len(text.ids), room) or [Window(0, 0, 0)]]
        rows = [np.concatenate([texts[i].ids[w.begin : w.end], continuation]) for i, w in plan]
        losses = self._nll(rows, [len(row) - len(continuation) + unscored for row in rows], lead)
        found = np.full(len(texts), np.inf)
        for (i, _), loss in zip(plan, losses, strict=True):
            found[i] = min(found[i], float(loss.mean()) if len(loss) else 0.0)
        return found

    def sequence_nll(self, rows: Sequence[NDArray[np.int64]]) -> list[NDArray[np.float64]]:
        """The NLL in nats of all tokens but the first of each sequence; nothing is put before them.

        Args:
            rows: sequences of at most as many tokens as the model has positions for.

        Raises:
            ModelError: as `encode`.
        """
        for row in rows:
            self._check(row)
        return self._losses.run([row[:-1] for row in rows], [row[1:] for row in rows])

    def new_cache(self, capacity: int) -> KeyValues:
        """For the keys and values of one text of about so many tokens, which `extend` reads piece by piece."""
        return self._losses.body.new_cache(capacity)

    def extend(self, ids: NDArray[np.int64], cache: KeyValues) -> NDArray[np.float64]:
        """Reads tokens after those whose keys and values are in the cache, and puts theirs in too.

        Args:
            ids: shape (n,), n >= 1.
            cache: of `new_cache`. If this raises, it is as it was.

        Returns:
            The NLL of `ids[1:]` in nats, shape (n - 1,).

        Raises:
            ModelError: as `encode`.
        """
        self._check(ids)
        return self._losses.after(cache, extend=True).run([ids], [np.append(ids[1:], -1)])[0]

    def fit_question(self, ids: NDArray[np.int64]) -> tuple[NDArray[np.int64], bool]:
        """The question cut in its middle to half of the window, and whether it had to be cut."""
        cut = without_middle(ids, self.limit // 2)
        return cut, len(cut) < len(ids)

    def _check(self, ids: NDArray[np.int64]) -> None:
        if len(ids) and int(ids.max()) >= self._rows:
            raise ModelError(
                f"The tokenizer gave the token id {int(ids.max())}, but the model has {self._rows} embeddings. "
                "Model and tokenizer are not a pair: load both from the same checkpoint."
            )

    def _lead(self, prefix: NDArray[np.int64] | None) -> NDArray[np.int64]:
        return self.start_ids if prefix is None else np.concatenate([self.start_ids, prefix])

    def _room(self, taken: int) -> int:
        room = self.limit - taken
        if room < max(self.limit // 8, 1):
            raise InputError(
                f"The question takes {taken} of the {self.limit} tokens that {type(self.model).__name__} reads. "
                "Shorten it."
            )
        return room

    def _nll(
        self, rows: Sequence[NDArray[np.int64]], first: Sequence[int], lead: NDArray[np.int64]
    ) -> list[NDArray[np.float64]]:
        """For each row the NLL of its tokens from `first` on, given the lead and the row's tokens before.

        The NLL of a token with nothing before it is 0.
        """
        losses, context = self._losses, lead
        if len(lead) >= _SHARE_FROM and len(rows) > 1:
            cache = self.new_cache(len(lead))
            self._losses.after(cache, extend=True).run([lead[:-1]], [np.full(len(lead) - 1, -1)])
            if cache.shared:
                losses, context = self._losses.after(cache), lead[-1:]
        ids, following = [], []
        for row, begin in zip(rows, first, strict=True):
            sequence = np.concatenate([context, row])
            asked = sequence[1:].copy()
            # The state before each wanted token predicts it, so nobody reads the last token.
            asked[: max(len(context) + begin - 1, 0)] = -1
            ids.append(sequence[:-1])
            following.append(asked)
        found = []
        for row, begin, part in zip(rows, first, losses.run(ids, following), strict=True):
            found.append(np.concatenate([np.zeros(len(row) - begin - len(part)), part]))
        return found

"""How surprising a causal language model finds each token: any `AutoModelForCausalLM`, batched, without logits.

The body of the model gives hidden states, and only the rows that are asked for go through the LM head, by
`LossHead`. Sequences are padded on the right, which no earlier token can see, so that neither absolute nor rotary
positions shift. Texts longer than the model's window are read in windows that overlap by half.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from boildown.counters import well_formed
from boildown.errors import InputError, ModelError
from boildown.runtime.causal_head import LossHead
from boildown.runtime.causal_text import Encoded, Window, longest_input, start_ids, windows, without_leading_space

if TYPE_CHECKING:
    import torch

__all__ = ["CausalLM"]

_LONGEST = 8192
"""No window is longer than this, whatever the model allows: attention costs the square of the length."""
_SHARE_FROM = 8
"""A prefix of fewer tokens is cheaper to compute again for each row than to copy as keys and values."""
_WHOLE_LOGITS = 32_000_000
"""Logits held at once for a model whose LM head cannot be taken apart."""


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
        self.model, self.tokenizer = model, tokenizer
        # A copy, since transformers sets truncation and padding on the one it shares with others.
        self._backend = copy.deepcopy(backend)
        self._backend.no_truncation()
        self._backend.no_padding()
        self.limit = min(longest_input(model.config, tokenizer), _LONGEST)
        self.start_ids = start_ids(tokenizer)
        self._rows = int(model.get_input_embeddings().num_embeddings)
        self._head = LossHead(model)

    @property
    def device(self) -> torch.device:
        """Where input goes."""
        device: torch.device = self.model.get_input_embeddings().weight.device
        return device

    def encode(self, texts: Sequence[str]) -> list[Encoded]:
        """Tokens of each text, without special tokens.

        Raises:
            ModelError: the tokenizer knows tokens that the model does not.
        """
        clean = [well_formed(text) for text in texts]
        found = []
        for text, encoding in zip(clean, self._backend.encode_batch(clean, add_special_tokens=False), strict=True):
            ids = np.array(encoding.ids, dtype=np.int64)
            if len(ids) and int(ids.max()) >= self._rows:
                raise ModelError(
                    f"The tokenizer gave the token id {int(ids.max())}, but the model has {self._rows} embeddings. "
                    "Model and tokenizer are not a pair: load both from the same checkpoint."
                )
            spans = np.array(encoding.offsets, dtype=np.int64).reshape(-1, 2)
            found.append(Encoded(ids, without_leading_space(text, spans), spans[:, 1]))
        return found

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
        room = self._room(len(lead), "The question")
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
        room = self._room(len(lead) + len(continuation), "The question")
        plan = [(i, w) for i, text in enumerate(texts) for w in windows(len(text.ids), room) or [Window(0, 0, 0)]]
        rows = [np.concatenate([texts[i].ids[w.begin : w.end], continuation]) for i, w in plan]
        losses = self._nll(rows, [len(row) - len(continuation) + unscored for row in rows], lead)
        found = np.full(len(texts), np.inf)
        for (i, _), loss in zip(plan, losses, strict=True):
            found[i] = min(found[i], float(loss.mean()) if len(loss) else 0.0)
        return found

    def extend(
        self, ids: NDArray[np.int64], cache: list[tuple[Any, Any]] | None
    ) -> tuple[NDArray[np.float32], list[tuple[Any, Any]]]:
        """Reads tokens after those whose keys and values are given.

        Args:
            ids: shape (n,), n >= 1.
            cache: keys and values of each layer, shape (1, heads, length, width); None or of length 0 for a start.

        Returns:
            the NLL of `ids[1:]` in nats, shape (n - 1,), and the longer cache. The given one is not changed.
        """
        import torch
        from transformers import DynamicCache

        known = int(cache[0][0].shape[2]) if cache else 0
        past: Any = None  # for a start, each model makes the kind of cache it likes
        if cache and known:
            past = DynamicCache()
            for layer, (keys, values) in enumerate(cache):
                past.update(keys, values, layer)
        inputs = self._tensor(ids)[None]
        mask = torch.ones((1, known + len(ids)), dtype=torch.long, device=self.device)
        arguments = {"input_ids": inputs, "attention_mask": mask, "past_key_values": past, "use_cache": True}
        with torch.inference_mode():
            states, output = self._head.states(arguments)
            losses = self._head.nll(states[0, :-1], inputs[0, 1:])
        return losses.astype(np.float32), _layers(output.past_key_values)

    def fit_question(self, ids: NDArray[np.int64]) -> tuple[NDArray[np.int64], bool]:
        """The question cut in its middle to half of the window, and whether it had to be cut."""
        most = self.limit // 2
        if len(ids) <= most:
            return ids, False
        return np.concatenate([ids[: most // 2], ids[len(ids) - (most - most // 2) :]]), True

    def _lead(self, prefix: NDArray[np.int64] | None) -> NDArray[np.int64]:
        return self.start_ids if prefix is None else np.concatenate([self.start_ids, prefix])

    def _room(self, taken: int, what: str) -> int:
        room = self.limit - taken
        if room < max(self.limit // 8, 1):
            raise InputError(
                f"{what} takes {taken} of the {self.limit} tokens that {type(self.model).__name__} reads. Shorten it."
            )
        return room

    def _nll(
        self, rows: Sequence[NDArray[np.int64]], first: Sequence[int], lead: NDArray[np.int64]
    ) -> list[NDArray[np.float64]]:
        """For each row the NLL of its tokens from `first` on, given the lead and the row's tokens before.

        The NLL of a token with nothing before it is 0.
        """
        import torch

        found: list[NDArray[np.float64]] = [np.zeros(0)] * len(rows)
        with torch.inference_mode():
            cache, context = self._read_lead(lead, len(rows))
            known = len(lead) - len(context)
            for batch in self._batches([len(row) for row in rows], len(lead)):
                sequences = [np.concatenate([context, rows[i]]) for i in batch]
                # The hidden state before each wanted token predicts it.
                begin = [max(len(context) + first[i], 1) for i in batch]
                states = self._states(sequences, cache, known)
                pairs = list(zip(begin, sequences, strict=True))
                at = np.concatenate([np.arange(b, len(s)) + n * states.shape[1] for n, (b, s) in enumerate(pairs)])
                wanted = np.concatenate([s[b:] for b, s in pairs])
                losses = self._head.nll(states.flatten(0, 1)[self._tensor(at - 1)], self._tensor(wanted))
                parts = np.split(losses, np.cumsum([len(s) - b for b, s in pairs])[:-1])
                for i, part in zip(batch, parts, strict=True):
                    missing = len(rows[i]) - first[i] - len(part)
                    found[i] = np.concatenate([np.zeros(missing), part])
        return found

    def _read_lead(self, lead: NDArray[np.int64], rows: int) -> tuple[Any, NDArray[np.int64]]:
        """Keys and values of the lead, where they pay, and those of its tokens that each row has to begin with."""
        if len(lead) < _SHARE_FROM or rows < 2 or self._head.whole:
            return None, lead
        cache = self.model.base_model(self._tensor(lead[:-1])[None], use_cache=True).past_key_values
        return (cache, lead[-1:]) if hasattr(cache, "batch_repeat_interleave") else (None, lead)

    def _states(self, sequences: Sequence[NDArray[np.int64]], cache: Any, known: int) -> torch.Tensor:
        """Hidden states (or whole logits) of shape (sequences, longest, width)."""
        longest = max(len(s) for s in sequences)
        ids = np.zeros((len(sequences), longest), dtype=np.int64)
        mask = np.zeros((len(sequences), known + longest), dtype=np.int64)
        for row, sequence in enumerate(sequences):
            ids[row, : len(sequence)] = sequence
            mask[row, : known + len(sequence)] = 1
        arguments = {"input_ids": self._tensor(ids), "attention_mask": self._tensor(mask), "use_cache": False}
        if cache is not None:
            again = copy.deepcopy(cache)  # a forward writes into its cache
            again.batch_repeat_interleave(len(sequences))
            arguments |= {"past_key_values": again, "use_cache": True}
        return self._head.states(arguments)[0]

    def _batches(self, lengths: Sequence[int], lead: int) -> Iterator[list[int]]:
        """Indices of rows of about equal length, longest first, so that memory runs out at once if it does."""
        most = 16_384 if self.device.type == "cuda" else 2_048
        if self._head.whole:
            most = min(most, _WHOLE_LOGITS // int(self.model.config.vocab_size))
        order = sorted((i for i, n in enumerate(lengths) if n), key=lambda i: -lengths[i])
        batch: list[int] = []
        for i in order:
            if batch and (len(batch) + 1) * (lengths[batch[0]] + lead) > most:
                yield batch
                batch = []
            batch.append(i)
        if batch:
            yield batch

    def _tensor(self, values: NDArray[np.int64]) -> torch.Tensor:
        import torch

        return torch.from_numpy(np.ascontiguousarray(values)).to(self.device)


def _layers(cache: Any) -> list[tuple[Any, Any]]:
    """Keys and values of each layer, whatever version of transformers made the cache."""
    if hasattr(cache, "layers"):
        return [(layer.keys, layer.values) for layer in cache.layers]
    if hasattr(cache, "key_cache"):
        return list(zip(cache.key_cache, cache.value_cache, strict=True))
    return [(pair[0], pair[1]) for pair in cache]

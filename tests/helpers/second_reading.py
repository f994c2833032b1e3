"""A second reading of the weights of SmolLM2, in numpy: the mathematics of a Llama, written from its description.

It knows nothing of llama.cpp but the format of the file, and that what goes into a product with quantized weights is
rounded to 8 bits in blocks of 32, as the engine does it.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

LAYERS, HEADS, KV_HEADS, SIZE = 30, 9, 3, 64
MATRICES = ("attn_norm", "attn_q", "attn_k", "attn_v", "attn_output", "ffn_norm", "ffn_gate", "ffn_up", "ffn_down")
ROPE_BASE, EPSILON = 100_000.0, 1e-5
F32, Q4_1, Q8_0 = 0, 3, 8
FORMATS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}


class Weights:
    """The tensors of a GGUF file, each read when it is asked for."""

    def __init__(self, path: Path) -> None:
        self._data = path.read_bytes()
        self._at = 8
        tensors, entries = self._number("Q"), self._number("Q")
        for _ in range(entries):
            self._text()
            self._skip_value(self._number("I"))
        found = [self._tensor() for _ in range(tensors)]
        begin = -(-self._at // 32) * 32
        self._tensors = {name: (shape, kind, begin + offset) for name, shape, kind, offset in found}

    def __getitem__(self, name: str) -> Array:
        """A matrix with one row for each output, or a vector."""
        shape, kind, begin = self._tensors[name]
        count = int(np.prod(shape))
        if kind == F32:
            return np.frombuffer(self._data, np.float32, count, begin).reshape(shape[::-1])
        fields = {Q4_1: [("d", "f2"), ("m", "f2"), ("q", "u1", 16)], Q8_0: [("d", "f2"), ("q", "i1", 32)]}[kind]
        blocks = np.frombuffer(self._data, fields, count // 32, begin)
        scale = blocks["d"].astype(np.float32)[:, None]
        if kind == Q8_0:
            values = blocks["q"].astype(np.float32) * scale
        else:
            halves = np.concatenate([blocks["q"] & 15, blocks["q"] >> 4], axis=1).astype(np.float32)
            values = halves * scale + blocks["m"].astype(np.float32)[:, None]
        return values.reshape(shape[::-1])

    def _number(self, form: str) -> Any:
        (number,) = struct.unpack_from(f"<{form}", self._data, self._at)
        self._at += struct.calcsize(f"<{form}")
        return number

    def _text(self) -> str:
        length = self._number("Q")
        self._at += length
        return self._data[self._at - length : self._at].decode()

    def _skip_value(self, kind: int) -> None:
        if kind == 8:
            self._text()
        elif kind == 9:
            kind, count = self._number("I"), self._number("Q")
            for _ in range(count):
                self._skip_value(kind)
        else:
            self._number(FORMATS[kind])

    def _tensor(self) -> tuple[str, list[int], int, int]:
        name, dimensions = self._text(), self._number("I")
        return name, [self._number("Q") for _ in range(dimensions)], self._number("I"), self._number("Q")


def next_token(path: Path, texts: Sequence[Sequence[int]]) -> list[Array]:
    """Return for each text, given as tokens, the probability of every next token."""
    weights = Weights(path)
    embedding = weights["token_embd.weight"]
    streams = [embedding[list(ids)] for ids in texts]
    for layer in range(LAYERS):
        own = {name: weights[f"blk.{layer}.{name}.weight"] for name in MATRICES}
        streams = [_layer(x, own) for x in streams]
    last = np.stack([x[-1] for x in streams])
    logits = _product(embedding, _normed(last, weights["output_norm.weight"]))
    powers = np.exp(logits - logits.max(axis=1, keepdims=True), dtype=np.float64)
    return list(powers / powers.sum(axis=1, keepdims=True))


def _layer(x: Array, own: dict[str, Array]) -> Array:
    inner = _normed(x, own["attn_norm"])
    q, k, v = (_product(own[f"attn_{name}"], inner) for name in "qkv")
    x = x + _product(own["attn_output"], _attention(q, k, v))
    inner = _normed(x, own["ffn_norm"])
    gate = _product(own["ffn_gate"], inner)
    return x + _product(own["ffn_down"], gate / (1 + np.exp(-gate)) * _product(own["ffn_up"], inner))


def _attention(q: Array, k: Array, v: Array) -> Array:
    count = len(q)
    q = _turned(q.reshape(count, HEADS, SIZE))
    # Keys and values are kept as 16-bit numbers.
    k = _turned(k.reshape(count, KV_HEADS, SIZE)).astype(np.float16).astype(np.float32)
    v = v.reshape(count, KV_HEADS, SIZE).astype(np.float16).astype(np.float32)
    k, v = (np.repeat(kept, HEADS // KV_HEADS, axis=1) for kept in (k, v))
    scores = np.einsum("ihd,jhd->hij", q, k) / np.sqrt(np.float32(SIZE))
    scores += np.triu(np.full((count, count), -np.inf, np.float32), 1)
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    mixed = np.einsum("hij,jhd->ihd", powers / powers.sum(axis=-1, keepdims=True), v)
    return mixed.reshape(count, HEADS * SIZE)


def _turned(x: Array) -> Array:
    """Turn each pair of numbers by an angle that grows with the position."""
    angle = np.arange(len(x))[:, None] * ROPE_BASE ** (-np.arange(0, SIZE, 2) / SIZE)
    cos, sin = (f(angle).astype(np.float32)[:, None, :] for f in (np.cos, np.sin))
    even, odd = x[..., 0::2], x[..., 1::2]
    return np.stack([even * cos - odd * sin, even * sin + odd * cos], axis=-1).reshape(x.shape)


def _normed(x: Array, weight: Array) -> Array:
    return x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + np.float32(EPSILON)) * weight


def _product(weight: Array, x: Array) -> Array:
    return _rounded(x) @ weight.T


def _rounded(x: Array) -> Array:
    """Round to 8 bits in blocks of 32 numbers, which share a 16-bit scale."""
    blocks = x.reshape(-1, 32)
    scale = np.abs(blocks).max(axis=1, keepdims=True) / 127
    whole = np.rint(np.divide(blocks, scale, out=np.zeros_like(blocks), where=scale > 0))
    return (whole * scale.astype(np.float16).astype(np.float32)).reshape(x.shape)

"""SHA-1 of many short messages at once. No Spark in here.

Enters: one buffer of bytes and the start and end of every message in it; messages may overlap, as
the word n-grams of a text do. Leaves: the first eight bytes of each message's digest.

`hashlib` spends most of a short message's time in the call, not in the arithmetic. Here each of the
80 rounds is a dozen NumPy operations over thousands of messages, one message a lane (FIPS 180-4,
§6.1.2). That pays for thousands of messages that fit one 64-byte block with their padding; all
others go to `hashlib`.
"""

from __future__ import annotations

from hashlib import sha1

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint32]

_LANES = 8192  # more leave the cache, fewer pay for the calls
_FEWEST_LANES = 4096  # below, and from two blocks on, hashlib is as fast
_BLOCK_BYTES = 64
_LONGEST_BYTES = _BLOCK_BYTES - 9  # one byte ends the message, eight say its length

_INITIAL = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0)
_CONSTANTS = (0x5A827999, 0x6ED9EBA1, 0x8F1BBCDC, 0xCA62C1D6)
_SHIFT = [np.array(bits, np.uint32) for bits in range(32)]  # an array saves the call a conversion
_DIGEST = np.dtype([("first", "<u8"), ("rest", "V12")])


def digests(
    buffer: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> NDArray[np.uint64]:
    """The first 8 bytes, as a little-endian number, of the SHA-1 of every buffer[start:end].

    >>> text = np.frombuffer(b"abc", np.uint8)
    >>> hex(digests(text, np.array([0]), np.array([3]))[0])  # a9993e36 4706816a ...
    '0x6a810647363e99a9'
    """
    short = ends - starts <= _LONGEST_BYTES
    chosen = np.flatnonzero(short)
    if len(chosen) < _FEWEST_LANES:
        return _one_by_one(buffer, starts, ends)
    firsts = np.empty(len(starts), np.uint64)
    padded = np.concatenate([buffer, np.zeros(_BLOCK_BYTES, np.uint8)])
    for lanes in np.array_split(chosen, -(-len(chosen) // _LANES)):
        firsts[lanes] = _in_lanes(_message_words(padded, starts[lanes], ends[lanes]))
    firsts[~short] = _one_by_one(buffer, starts[~short], ends[~short])
    return firsts


def _one_by_one(
    buffer: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> NDArray[np.uint64]:
    view = np.ascontiguousarray(buffer).data
    spans = zip(starts.tolist(), ends.tolist(), strict=True)
    joined = b"".join([sha1(view[start:end]).digest() for start, end in spans])
    return np.frombuffer(joined, _DIGEST)["first"].astype(np.uint64)


def _message_words(
    padded: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> Words:
    """The messages with their padding as big-endian words; shape (16, messages).

    Each is first copied with what follows it in the buffer, then the excess is cut away.
    """
    places = len(padded) - _BLOCK_BYTES + 1
    at_byte = np.ndarray(places, f"V{_BLOCK_BYTES}", padded, strides=(1,))
    copies = at_byte[starts].view("<u4").reshape(-1, 16)
    words = np.ascontiguousarray(copies.T).byteswap(inplace=True)
    lengths = (ends - starts).astype(np.int32)
    first, last = int(lengths.min()) // 4, int(lengths.max()) // 4
    excess_bits = 32 * (first + 1) - 8 * lengths
    for word in words[first : last + 1]:
        bits = np.maximum(excess_bits, 0).view(np.uint32)
        word >>= bits  # NumPy shifts by 32 bits and more give 0
        word <<= bits
        excess_bits += 32
    words[last + 1 :] = 0
    end_bit = np.uint32(1 << 31) >> ((lengths & 3) << 3).view(np.uint32)
    words[lengths >> 2, np.arange(len(starts))] |= end_bit
    words[15] = lengths << 3
    return words


def _in_lanes(words: Words) -> NDArray[np.uint64]:
    lanes = words.shape[1]
    schedule = np.empty((80, lanes), np.uint32)
    schedule[:16] = words
    states = np.empty((5, lanes), np.uint32)
    states[:] = np.array(_INITIAL, np.uint32)[:, None]
    spare = np.empty((6, lanes), np.uint32)
    _expand(schedule, spare)
    _compress(schedule, states, spare)
    first = states[:2] + np.array(_INITIAL[:2], np.uint32)[:, None]
    return np.ascontiguousarray(first.T).byteswap(inplace=True).view("<u8").ravel()


def _expand(schedule: Words, spare: Words) -> None:
    """Fill rows 16 to 79, several at once: W[t] needs nothing after W[t - 3]. From 32 on the same
    recurrence, applied to itself, needs nothing after W[t - 6] (Locktyukhin, "Improving the
    Performance of the Secure Hash Algorithm (SHA-1)", 2010)."""
    row = 16
    while row < 80:
        back, turn = ((3, 8, 14, 16), 1) if row < 32 else ((6, 16, 28, 32), 2)
        new = schedule[row : min(row + back[0], 80 if turn == 2 else 32)]
        terms = [schedule[row - lag : row - lag + len(new)] for lag in back]
        high = spare[: len(new)]
        np.bitwise_xor(terms[0], terms[1], out=new)
        np.bitwise_xor(new, terms[2], out=new)
        np.bitwise_xor(new, terms[3], out=new)
        np.right_shift(new, _SHIFT[32 - turn], out=high)
        np.left_shift(new, _SHIFT[turn], out=new)
        np.bitwise_or(new, high, out=new)
        row += len(new)


def _compress(schedule: Words, states: Words, spare: Words) -> None:
    """The 80 rounds, in place. The arrays of a, b, c, d, e change roles instead of places; as 80 is
    a multiple of 5, each ends in its first role."""
    a, b, c, d, e = states
    mixed, other = spare[0], spare[1]
    for phase, constant in enumerate(_CONSTANTS):
        rows = schedule[20 * phase : 20 * phase + 20]
        rows += np.uint32(constant)
        for row in rows:
            if phase == 0:  # choose
                np.bitwise_xor(c, d, out=mixed)
                np.bitwise_and(mixed, b, out=mixed)
                np.bitwise_xor(mixed, d, out=mixed)
            elif phase == 2:  # majority
                np.bitwise_xor(b, c, out=mixed)
                np.bitwise_xor(c, d, out=other)
                np.bitwise_and(mixed, other, out=mixed)
                np.bitwise_xor(mixed, c, out=mixed)
            else:  # parity
                np.bitwise_xor(b, c, out=mixed)
                np.bitwise_xor(mixed, d, out=mixed)
            np.add(e, mixed, out=e)
            np.add(e, row, out=e)
            np.left_shift(a, _SHIFT[5], out=mixed)
            np.add(e, mixed, out=e)
            np.right_shift(a, _SHIFT[27], out=mixed)
            np.add(e, mixed, out=e)
            np.left_shift(b, _SHIFT[30], out=mixed)
            np.right_shift(b, _SHIFT[2], out=b)
            np.bitwise_or(b, mixed, out=b)
            a, b, c, d, e = e, a, b, c, d

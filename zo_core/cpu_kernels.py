"""Fused CPU kernels: out = theta + coefficient * z in one pass, z never stored.

Numbers are computed in float32 and rounded once, to nearest even, to the format of the
weights. numba knows neither bfloat16 nor float16, so a kernel sees weights as *storage*:
float32 as itself, bfloat16 as its bits in uint16, float16 as its bits in int16. The storage
type selects the conversion when the kernel is compiled.

The kernels release the interpreter lock and are single-threaded; `steps` divides the range.
A direction depends on positions only, so the division cannot change a bit.
"""

from collections.abc import Callable
from typing import TypeVar, cast

import numba
import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from zo_core.directions import KEY_INCREMENTS, MULTIPLIERS, PHILOX_ROUNDS, gaussian_table

Storage = NDArray[np.float32] | NDArray[np.uint16] | NDArray[np.int16]
"""Weights as the kernels see them: float32, bfloat16 bits, float16 bits."""

_Function = TypeVar("_Function", bound=Callable[..., object])

_TILE = 2048
_M0, _M1 = np.uint64(MULTIPLIERS[0]), np.uint64(MULTIPLIERS[1])
_K0, _K1 = np.uint64(KEY_INCREMENTS[0]), np.uint64(KEY_INCREMENTS[1])
_WORD, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)
_TABLE = gaussian_table()


def _compiled(function: _Function) -> _Function:
    # No fast-math: a contracted multiply-add would round once where the definition rounds twice.
    try:
        compiled = numba.njit(nogil=True, error_model="numpy", cache=True)(function)
    except RuntimeError:  # no writable folder for the cache: compile in every process
        compiled = numba.njit(nogil=True, error_model="numpy")(function)
    return cast(_Function, compiled)


def _signs(_context, elements, offset, word):  # type: ignore[no-untyped-def]
    """elements[offset + bit] = +1.0 where a bit of the word is 0, -1.0 where it is 1.

    Written as one vector operation, four times faster than the loop that it stands for.
    """

    def generate(target, builder, signature, arguments):  # type: ignore[no-untyped-def]
        i32 = ir.IntType(32)
        vector = ir.VectorType(i32, 32)
        array = target.make_array(signature.args[0])(target, builder, arguments[0])
        place = builder.bitcast(builder.gep(array.data, [arguments[1]]), vector.as_pointer())
        undefined = ir.Constant(vector, ir.Undefined)
        first = builder.insert_element(undefined, arguments[2], ir.Constant(i32, 0))
        words = builder.shuffle_vector(first, undefined, ir.Constant(vector, [0] * 32))
        moved = builder.shl(words, ir.Constant(vector, list(range(31, -1, -1))))
        top_bits = builder.and_(moved, ir.Constant(vector, [0x80000000] * 32))
        ones = ir.Constant(vector, [0x3F800000] * 32)
        builder.store(builder.or_(top_bits, ones), place, align=4)
        return target.get_dummy_value()

    return types.none(elements, types.intp, types.uint32), generate


def _widen(_context, stored):  # type: ignore[no-untyped-def]
    """Stored weight -> float32, exactly."""

    def generate(_target, builder, _signature, arguments):  # type: ignore[no-untyped-def]
        if stored == types.float32:
            return arguments[0]
        if stored == types.int16:
            return builder.fpext(builder.bitcast(arguments[0], ir.HalfType()), ir.FloatType())
        i32 = ir.IntType(32)
        bits = builder.shl(builder.zext(arguments[0], i32), ir.Constant(i32, 16))
        return builder.bitcast(bits, ir.FloatType())

    return types.float32(stored), generate


def _narrow(_context, value, like):  # type: ignore[no-untyped-def]
    """Float32 -> stored weight of the type of `like`, rounded to nearest even."""

    def generate(_target, builder, _signature, arguments):  # type: ignore[no-untyped-def]
        i16, i32 = ir.IntType(16), ir.IntType(32)
        if like == types.float32:
            return arguments[0]
        if like == types.int16:
            return builder.bitcast(builder.fptrunc(arguments[0], ir.HalfType()), i16)
        bits = builder.bitcast(arguments[0], i32)
        odd = builder.and_(builder.lshr(bits, ir.Constant(i32, 16)), ir.Constant(i32, 1))
        rounded = builder.add(builder.add(bits, ir.Constant(i32, 0x7FFF)), odd)
        stored = builder.trunc(builder.lshr(rounded, ir.Constant(i32, 16)), i16)
        is_nan = builder.fcmp_unordered("uno", arguments[0], arguments[0])
        return builder.select(is_nan, ir.Constant(i16, 0x7FC0), stored)

    return like(types.float32, like), generate


_store_signs = cast(Callable[[NDArray[np.float32], int, np.uint32], None], intrinsic(_signs))
_to_float = cast(Callable[[np.generic], np.float32], intrinsic(_widen))
_to_stored = cast(Callable[[np.float32, np.generic], np.generic], intrinsic(_narrow))


@_compiled
def _fill_words(
    words: NDArray[np.uint32], first_block: int, n_blocks: int, key: NDArray[np.uint64]
) -> None:
    for index in range(n_blocks):
        block = np.uint64(first_block + index)
        c0, c1, c2, c3 = block & _WORD, block >> _HALF, np.uint64(0), key[2]
        k0, k1 = key[0], key[1]
        for _ in range(PHILOX_ROUNDS):
            even, odd = c0 * _M0, c2 * _M1
            c0, c2 = (odd >> _HALF) ^ c1 ^ k0, (even >> _HALF) ^ c3 ^ k1
            c1, c3 = odd & _WORD, even & _WORD
            k0, k1 = (k0 + _K0) & _WORD, (k1 + _K1) & _WORD
        words[0, index], words[1, index] = np.uint32(c0), np.uint32(c1)
        words[2, index], words[3, index] = np.uint32(c2), np.uint32(c3)


@_compiled
def _fill_signs(elements: NDArray[np.float32], words: NDArray[np.uint32], n_blocks: int) -> None:
    for block in range(n_blocks):
        for index in range(4):
            _store_signs(elements, block * 128 + index * 32, words[index, block])


@_compiled
def _fill_gaussian(elements: NDArray[np.float32], words: NDArray[np.uint32], n_blocks: int) -> None:
    for block in range(n_blocks):
        for index in range(4):
            word = words[index, block]
            at = block * 8 + index * 2
            elements[at] = _TABLE[word & 0xFF] + _TABLE[(word >> 8) & 0xFF]
            elements[at + 1] = _TABLE[(word >> 16) & 0xFF] + _TABLE[word >> 24]


@_compiled
def _add_tile(
    out: Storage, theta: Storage, elements: NDArray[np.float32], coefficient: np.float32
) -> None:
    # Two loops, because out may be theta: each alone is free of aliasing and vectorises.
    for index in range(theta.size):
        elements[index] = _to_float(theta[index]) + coefficient * elements[index]
    like = theta[0]
    for index in range(theta.size):
        out[index] = _to_stored(elements[index], like)


@_compiled
def _add_range(
    out: Storage,
    theta: Storage,
    start: int,
    key: NDArray[np.uint64],
    coefficient: np.float32,
    work: tuple[NDArray[np.uint32], NDArray[np.float32]],
) -> None:
    words, elements = work
    per_block = 128 if key[2] == 0 else 8
    done = 0
    while done < theta.size:
        first_block = (start + done) // per_block
        skipped = start + done - first_block * per_block
        count = min(_TILE - skipped, theta.size - done)
        n_blocks = (skipped + count + per_block - 1) // per_block
        _fill_words(words, first_block, n_blocks, key)
        if key[2] == 0:
            _fill_signs(elements, words, n_blocks)
        else:
            _fill_gaussian(elements, words, n_blocks)
        tile = elements[skipped : skipped + count]
        _add_tile(out[done : done + count], theta[done : done + count], tile, coefficient)
        done += count


@_compiled
def add_to_rows(
    out: Storage,
    theta: Storage,
    rows: NDArray[np.int64],
    start: int,
    key: NDArray[np.uint64],
    coefficient: np.float32,
) -> None:
    """Write out[i] = theta[rows[i]] + coefficient * (the same rows of the direction).

    Args:
        out: Destination, contiguous, shape ``(n_rows, width)``; may be theta itself where
            rows counts 0, 1, 2, ...
        theta: Weights, contiguous, shape ``(n, width)``.
        rows: Rows of theta to write, shape ``(n_rows,)``, each in [0, n).
        start: Position of theta[0, 0] in the direction.
        key: The seed, low word first, and the stream of the kind of direction.
        coefficient: Factor of the direction.
    """
    work = np.empty((4, _TILE // 8), np.uint32), np.empty(_TILE, np.float32)
    for index in range(rows.size):
        position = start + rows[index] * theta.shape[1]
        _add_range(out[index], theta[rows[index]], position, key, coefficient, work)

"""Fused CPU kernels: out = theta + coefficient * z in one pass, z never stored.

Numbers are computed in float32 and rounded once, to nearest even, to the format of the
weights. numba knows neither bfloat16 nor float16, so a kernel sees weights as *storage*:
float32 as itself, bfloat16 as its bits in uint16, float16 as its bits in int16. The storage
type selects the conversion when the kernel is compiled.

The kernels release the interpreter lock and are single-threaded; `steps` divides the range.
A direction depends on positions only, so the division cannot change a bit.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar, cast

import numba
import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from zo_core.directions.generator import KEY_INCREMENTS, MULTIPLIERS, PHILOX_ROUNDS, gaussian_table
from zo_core.directions.kernel_cache import ForgivingCache

Storage = NDArray[np.float32] | NDArray[np.uint16] | NDArray[np.int16]
"""Weights as the kernels see them: float32, bfloat16 bits, float16 bits."""

_Function = TypeVar("_Function", bound=Callable[..., object])

_TILE_BLOCKS = 256
"""Philox blocks made at a time: they and what they move stay in the processor's cache."""

_M0, _M1 = np.uint64(MULTIPLIERS[0]), np.uint64(MULTIPLIERS[1])
_K0, _K1 = np.uint64(KEY_INCREMENTS[0]), np.uint64(KEY_INCREMENTS[1])
_WORD, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)
_TABLE = gaussian_table()


def _compiled(function: _Function) -> _Function:
    # No fast-math: a contracted multiply-add would round once where the definition rounds twice.
    compiled = numba.njit(nogil=True, error_model="numpy")(function)
    with suppress(RuntimeError):  # no writable folder for the cache: compile in every process
        cache = ForgivingCache(compiled.py_func)  # type: ignore[no-untyped-call]
        compiled._cache = cache  # type: ignore[attr-defined]
    return cast(_Function, compiled)


_WORD_BITS = 32
_Shape = Callable[[ir.Type], ir.Type]


def _one(element: ir.Type) -> ir.Type:
    return element


def _vector(element: ir.Type) -> ir.Type:
    return ir.VectorType(element, _WORD_BITS)


def _constant(shape: _Shape, element: ir.Type, value: int) -> ir.Constant:
    kind = shape(element)
    return ir.Constant(kind, [value] * _WORD_BITS if isinstance(kind, ir.VectorType) else value)


def _widened(builder: Any, value: Any, stored: object, shape: _Shape) -> Any:
    """Stored weight, or a vector of them -> float32, exactly."""
    if stored == types.float32:
        return value
    if stored == types.int16:
        return builder.fpext(builder.bitcast(value, shape(ir.HalfType())), shape(ir.FloatType()))
    i32 = ir.IntType(32)
    bits = builder.shl(builder.zext(value, shape(i32)), _constant(shape, i32, 16))
    return builder.bitcast(bits, shape(ir.FloatType()))


def _narrowed(builder: Any, value: Any, stored: object, shape: _Shape) -> Any:
    """Float32, or a vector of them -> stored weight, rounded to nearest even."""
    i16, i32 = ir.IntType(16), ir.IntType(32)
    if stored == types.float32:
        return value
    if stored == types.int16:
        return builder.bitcast(builder.fptrunc(value, shape(ir.HalfType())), shape(i16))
    bits = builder.bitcast(value, shape(i32))
    half_up = _constant(shape, i32, 0x7FFF)
    odd = builder.and_(builder.lshr(bits, _constant(shape, i32, 16)), _constant(shape, i32, 1))
    rounded = builder.add(builder.add(bits, half_up), odd)
    narrow = builder.trunc(builder.lshr(rounded, _constant(shape, i32, 16)), shape(i16))
    is_nan = builder.fcmp_unordered("uno", value, value)
    return builder.select(is_nan, _constant(shape, i16, 0x7FC0), narrow)


def _widen(_context, stored):  # type: ignore[no-untyped-def]
    def generate(_target, builder, _signature, arguments):  # type: ignore[no-untyped-def]
        return _widened(builder, arguments[0], stored, _one)

    return types.float32(stored), generate


def _narrow(_context, value, like):  # type: ignore[no-untyped-def]
    def generate(_target, builder, _signature, arguments):  # type: ignore[no-untyped-def]
        return _narrowed(builder, arguments[0], like, _one)

    return like(types.float32, like), generate


def _add_word(_context, out, theta, offset, word, coefficient):  # type: ignore[no-untyped-def]
    """out[offset + bit] = theta[offset + bit] + coefficient, or - where the word's bit is 1.

    Written as operations on vectors of 32 weights: they are read before they are written, so
    out may be theta, and neither signs nor products pass through memory.
    """

    def generate(target, builder, signature, arguments):  # type: ignore[no-untyped-def]
        i32, single, stored = ir.IntType(32), ir.FloatType(), signature.args[1].dtype

        def place(index: int) -> Any:
            array = target.make_array(signature.args[index])(target, builder, arguments[index])
            start = builder.gep(array.data, [arguments[2]])
            return builder.bitcast(start, _vector(start.type.pointee).as_pointer())

        def everywhere(value: Any) -> Any:
            undefined = ir.Constant(_vector(value.type), ir.Undefined)
            first = builder.insert_element(undefined, value, ir.Constant(i32, 0))
            return builder.shuffle_vector(first, undefined, ir.Constant(_vector(i32), [0] * 32))

        align = 4 if stored == types.float32 else 2
        shifts = ir.Constant(_vector(i32), list(range(31, -1, -1)))
        moved = builder.shl(everywhere(arguments[3]), shifts)
        top_bits = builder.and_(moved, _constant(_vector, i32, 0x80000000))
        plain = everywhere(builder.bitcast(arguments[4], i32))
        steps = builder.bitcast(builder.xor(plain, top_bits), _vector(single))
        weights = _widened(builder, builder.load(place(1), align=align), stored, _vector)
        moved_weights = _narrowed(builder, builder.fadd(weights, steps), stored, _vector)
        builder.store(moved_weights, place(0), align=align)
        return target.get_dummy_value()

    return types.none(out, theta, types.intp, types.uint32, types.float32), generate


_add_signed_word = cast(
    Callable[[Storage, Storage, int, np.uint32, np.float32], None], intrinsic(_add_word)
)
_to_float = cast(Callable[[np.generic], np.float32], intrinsic(_widen))
_to_stored = cast(Callable[[np.float32, np.generic], np.generic], intrinsic(_narrow))


@_compiled
def _fill_words(
    words: NDArray[np.uint32], first_block: int, n_blocks: int, key: NDArray[np.uint64]
) -> None:
    for index in range(n_blocks):
        block = np.uint64(first_block + index)
        c0, c1, c2, c3 = block & _WORD, block >> _HALF, key[3], key[2]
        k0, k1 = key[0], key[1]
        for _ in range(PHILOX_ROUNDS):
            even, odd = c0 * _M0, c2 * _M1
            c0, c2 = (odd >> _HALF) ^ c1 ^ k0, (even >> _HALF) ^ c3 ^ k1
            c1, c3 = odd & _WORD, even & _WORD
            k0, k1 = (k0 + _K0) & _WORD, (k1 + _K1) & _WORD
        words[0, index], words[1, index] = np.uint32(c0), np.uint32(c1)
        words[2, index], words[3, index] = np.uint32(c2), np.uint32(c3)


@_compiled
def _add_signs(
    out: Storage,
    theta: Storage,
    start: int,
    key: NDArray[np.uint64],
    coefficient: np.float32,
    words: NDArray[np.uint32],
) -> None:
    done = 0
    while done < theta.size:
        first_block = (start + done) // 128
        at = start + done - first_block * 128
        end = min(at + theta.size - done, words.shape[1] * 128)
        origin = done - at  # index in theta of the first block's first element
        _fill_words(words, first_block, (end + 127) // 128, key)
        while at < end:
            word = words[(at >> 5) & 3, at >> 7]
            if at & 31 == 0 and at + 32 <= end:
                _add_signed_word(out, theta, origin + at, word, coefficient)
                at += 32
            else:
                weight = theta[origin + at]
                is_minus = (word >> np.uint32(at & 31)) & np.uint32(1)
                moved = _to_float(weight) + (-coefficient if is_minus else coefficient)
                out[origin + at] = _to_stored(moved, weight)
                at += 1
        done = origin + end


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
def _add_gaussians(
    out: Storage,
    theta: Storage,
    start: int,
    key: NDArray[np.uint64],
    coefficient: np.float32,
    words: NDArray[np.uint32],
) -> None:
    elements = np.empty(words.shape[1] * 8, np.float32)
    done = 0
    while done < theta.size:
        first_block = (start + done) // 8
        skipped = start + done - first_block * 8
        count = min(elements.size - skipped, theta.size - done)
        n_blocks = (skipped + count + 7) // 8
        _fill_words(words, first_block, n_blocks, key)
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
        key: The seed, low word first, the stream of the kind of direction, and 0: the fourth
            and third word of the counter.
        coefficient: Factor of the direction.
    """
    words = np.empty((4, _TILE_BLOCKS), np.uint32)
    for index in range(rows.size):
        position, row = start + rows[index] * theta.shape[1], theta[rows[index]]
        if key[2] == 0:
            _add_signs(out[index], row, position, key, coefficient, words)
        else:
            _add_gaussians(out[index], row, position, key, coefficient, words)

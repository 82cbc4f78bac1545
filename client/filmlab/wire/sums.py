"""What is the CRC-32 of any stretch of some bytes? Told from sums kept on the way, without reading the stretch again.

A CRC is a remainder of polynomials over GF(2), so that of a stretch follows from those of the two prefixes that it
lies between: crc(a + b) = crc(a) * x**(8 len(b)) + crc(b), modulo the polynomial of CRC-32.
"""

import zlib
from functools import cache

_POLYNOMIAL = 0xEDB88320
"""Of CRC-32, bit-reversed as zlib keeps it: the highest bit is x**0."""
_ONE = 1 << 31
_X8 = 1 << 23
_STRIDE_BYTES = 4096


class Sums:
    """CRCs of stretches of `data` at or after `start`. Each byte is summed once, however many stretches there are."""

    def __init__(self, data: memoryview, start: int) -> None:
        self._data = data
        self._start = start
        self._sums = [0]

    def between(self, begin: int, end: int, before: int = 0) -> int:
        """The CRC of some bytes whose CRC is `before`, followed by data[begin:end]; less than 2**24 bytes."""
        return self._up_to(end) ^ _times(self._up_to(begin) ^ before, _power(end - begin))

    def _up_to(self, at: int) -> int:
        index, _ = divmod(at - self._start, _STRIDE_BYTES)
        while len(self._sums) <= index:
            begin = self._start + (len(self._sums) - 1) * _STRIDE_BYTES
            self._sums.append(zlib.crc32(self._data[begin : begin + _STRIDE_BYTES], self._sums[-1]))
        return zlib.crc32(self._data[self._start + index * _STRIDE_BYTES : at], self._sums[index])


def _power(count: int) -> int:
    """x**(8 count) modulo the polynomial."""
    low, middle, high = _powers()
    return _times(_times(low[count & 255], middle[count >> 8 & 255]), high[count >> 16])


@cache
def _powers() -> tuple[list[int], list[int], list[int]]:
    """x**(8 i), x**(8 * 256 i) and x**(8 * 65536 i) for i below 256."""
    tables = []
    step = _X8
    for _ in range(3):
        table = [_ONE]
        for _ in range(255):
            table.append(_times(table[-1], step))
        tables.append(table)
        step = _times(table[-1], step)
    return tables[0], tables[1], tables[2]


def _times(a: int, b: int) -> int:
    """The product of two polynomials modulo that of CRC-32."""
    product = 0
    while a:
        if a & _ONE:
            product ^= b
        a = a << 1 & 0xFFFFFFFF
        b = b >> 1 ^ (_POLYNOMIAL if b & 1 else 0)
    return product

"""Files that are not what they say: one clear error, little memory. FILMLAB_FUZZ sets how many are bent."""

import os
import random
import struct
import tracemalloc

import msgpack
import numpy as np
import pytest

from filmlab import pytree
from filmlab.pytree.dtypes import DEPTH_MAX, ITEMS_MAX, NODES_MAX, BadTree
from pytree import cases

COUNT = int(os.environ.get("FILMLAB_FUZZ", "100000")) // 5
SEED = int(os.environ.get("FILMLAB_FUZZ_SEED", "0"))
MEMORY_MAX_BYTES = 64 * 1024 * 1024
_TOKENS = [
    b"\xc1", b"\xc6\xff\xff\xff\xff", b"\xc9\xff\xff\xff\xff\x01", b"\xdb\xff\xff\xff\xff", b"\xdd\xff\xff\xff\xff",
    b"\xdf\xff\xff\xff\xff", b"\x91" * 600, b"\x81\xa1a" * 600, b"\xd4\x01\x00", b"\xd6\xff\0\0\0\0", b"object",
    b"\xcf" + b"\xff" * 8, b"\xa6object", b"\xa1O", b"str99999999", b"float128", b"__msgpack_chunked_array__",
]  # fmt: skip


def array(shape: object, name: str, data: bytes, code: int = 1) -> bytes:
    """An array as bytes, whatever it says of itself."""
    return bytes(msgpack.packb(msgpack.ExtType(code, msgpack.packb((shape, name, data)))))


def pieces_of(shape: dict[str, object], chunks: dict[str, object]) -> bytes:
    tree = {"__msgpack_chunked_array__": True, "shape": shape, "chunks": chunks}
    return bytes(msgpack.packb(tree))


def ext(data: bytes, code: int = 1) -> msgpack.ExtType:
    return msgpack.ExtType(code, data)


HOSTILE = {
    "nothing": b"",
    "no msgpack": b"\xc1",
    "more behind it": b"\x01\x02",
    "4 GiB of bytes announced": b"\xc6\xff\xff\xff\xff" + b"x" * 100,
    "4 GiB of text announced": b"\xdb\xff\xff\xff\xff" + b"x" * 100,
    "4 GiB of array announced": b"\xc9\xff\xff\xff\xff\x01" + b"x" * 100,
    "4 G keys announced": b"\xdf\xff\xff\xff\xff" + b"\xa1a\x01" * 100,
    "4 G items announced": b"\xdd\xff\xff\xff\xff" + b"\x01" * 100,
    "100 000 keys": bytes(msgpack.packb({str(index): index for index in range(100_000)})),
    "100 000 items": bytes(msgpack.packb(list(range(100_000)))),
    "deep lists": b"\x91" * 100_000 + b"\x01",
    "deep dicts": b"\x81\xa1a" * 100_000 + b"\x01",
    "a million empty dicts": b"\xdd" + struct.pack(">I", 60_000) + (b"\xdc\x00\x10" + b"\x80" * 16) * 60_000,
    "the same key twice": b"\x82\xa1a\x01\xa1a\x02",
    "a key of bytes": b"\x81\xc4\x01a\x01",
    "text that is none": b"\xa2\xff\xfe",
    "an unknown extension": bytes(msgpack.packb(ext(b"x", 9))),
    "a time stamp": b"\xd6\xff\0\0\0\0",
    "an array of objects": array((1,), "object", b"\0" * 8),
    "an array of O": array((1,), "O", b"\0" * 8),
    "an array of a huge text": array((1,), "str2147483616", b"x"),
    "an array of a structure": array((1,), "f8,V999999999", b"x" * 8),
    "an array of no dtype": array((1,), "", b"x"),
    "a dtype that is long": array((1,), "f" * 5000, b"x"),
    "a dtype that is bytes of no text": array((1,), "ä", b"x"),
    "a shape that overflows": array((2**32, 2**32), "uint8", b""),
    "a shape of 2**63": array((2**63,), "uint8", b""),
    "a shape below 0": array((-1,), "uint8", b"x"),
    "a shape of fractions": array((1.5,), "uint8", b"x"),
    "a shape of truth": array((True,), "uint8", b"x"),
    "a shape that is none": array(3, "uint8", b"xyz"),
    "a shape of 100 sides": array((1,) * 100, "uint8", b"x"),
    "an array that is too short": array((4,), "float32", b"x" * 15),
    "an array that is too long": array((4,), "float32", b"x" * 17),
    "an array of two": bytes(msgpack.packb(ext(bytes(msgpack.packb(((1,), "uint8")))))),
    "a scalar of objects": array((), "object", b"\0" * 8, 3),
    "a complex of three": bytes(msgpack.packb(ext(bytes(msgpack.packb((1.0, 2.0, 3.0))), 2))),
    "a complex of texts": bytes(msgpack.packb(ext(bytes(msgpack.packb(("1", "2"))), 2))),
    "pieces without pieces": pieces_of({"0": 1}, {}),
    "pieces without a shape": bytes(msgpack.packb({"__msgpack_chunked_array__": True})),
    "pieces of a wrong shape": pieces_of({"0": 5}, {"0": ext(bytes(msgpack.packb(((4,), "uint8", b"abcd"))))}),
    "pieces of a huge shape": pieces_of({"0": 2**40, "1": 2**40}, {"0": ext(bytes(msgpack.packb(((1,), "i1", b"a"))))}),
    "pieces that are numbers": pieces_of({"0": 1}, {"0": 7}),
    "pieces of two dtypes": pieces_of(
        {"0": 2}, {str(at): ext(bytes(msgpack.packb(((1,), name, b"a")))) for at, name in enumerate(("int8", "uint8"))}
    ),
    "pieces with a gap": pieces_of({"0": 1}, {"1": ext(bytes(msgpack.packb(((1,), "int8", b"a"))))}),
}  # fmt: skip


def refused(data: bytes) -> bool:
    """Whether it is refused; nothing but BadTree may be raised."""
    try:
        pytree.from_bytes(data)
    except BadTree as error:
        assert len(str(error)) < 600
        return True
    return False


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused(name: str) -> None:
    """One clear error each, within a bound of memory that has nothing to do with what the file announces."""
    tracemalloc.start()
    try:
        assert refused(HOSTILE[name])
        assert tracemalloc.get_traced_memory()[1] < MEMORY_MAX_BYTES + 20 * len(HOSTILE[name])
    finally:
        tracemalloc.stop()


def test_bent_files_are_refused_or_read() -> None:
    """Flips, cuts and lies in what flax wrote: BadTree, or a tree that can be written again."""
    rng = random.Random(SEED)
    whole = [pytree.to_bytes(tree) for name, tree in cases.plain().items() if name != "large"]
    counts = {True: 0, False: 0}
    for number in range(COUNT):
        data = bytearray(rng.choice(whole))
        for _ in range(rng.choice((1, 1, 2, 5))):
            _bend(rng, data)
        try:
            out = refused(bytes(data))
            if not out:
                pytree.to_bytes(pytree.from_bytes(bytes(data)))
        except Exception as error:  # whatever it is, it is a find: say by what
            raise AssertionError(f"FILMLAB_FUZZ_SEED={SEED}, number {number}: {bytes(data).hex()}") from error
        counts[out] += 1
    print(f"{COUNT} bent files tried: {counts[True]} refused, {counts[False]} read, nothing else raised")
    assert counts[True] > COUNT // 10 and counts[False] > COUNT // 50


def _bend(rng: random.Random, data: bytearray) -> None:
    at = rng.randrange(len(data) + 1)
    match rng.randrange(5):
        case 0 if at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        case 1 if at < len(data):
            data[at] = rng.choice((0, 1, 0x7F, 0x80, 0x90, 0xC1, 0xC7, 0xD8, 0xDE, 0xFF, rng.randrange(256)))
        case 2:
            del data[at : at + rng.randrange(1, 9)]
        case 3:
            data[at:at] = rng.choice(_TOKENS)
        case _:
            del data[at:]


class Raising:
    """An array on a device that is gone."""

    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
        raise RuntimeError("Array has been deleted")


def holds_itself() -> dict[str, object]:
    tree: dict[str, object] = {}
    tree["again"] = tree
    return tree


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"a": {"b": [1, object()]}}, "^a/b/1: builtins.object cannot be written$"),
        (object(), "^.: builtins.object cannot be written$"),
        ({"opt": (1, {2})}, "^opt/1: builtins.set cannot be written$"),
        ({"f": print}, "^f: builtins.builtin_function_or_method cannot be written$"),
        ({"w": np.array([1, None], object)}, "^w: an array of dtype object cannot be written"),
        ({"w": np.zeros(2, [("a", "i4")])}, "^w: an array of dtype .* holds objects or structures$"),
        ({"w": np.ma.masked_array([1, 2], [0, 1])}, "^w: a masked array would lose its mask"),
        ({"w": Raising()}, "^w: Array has been deleted$"),
        ({"n": 2**64}, "^n: Integer value out of range$"),
        ({"t": "\ud800"}, "^t: .*surrogates not allowed$"),
        ({1: "a", "1": "b"}, "^.: two of its keys are the same as text$"),
        (list(range(ITEMS_MAX + 1)), f"^.: {ITEMS_MAX + 1} items; at most {ITEMS_MAX}$"),
        ([[0] * 50_000] * 6, f"over {NODES_MAX} containers and leaves$"),
        (holds_itself(), f"nests deeper than {DEPTH_MAX}, or holds itself$"),
    ],
)  # fmt: skip
def test_what_cannot_be_written_is_named(tree: object, message: str) -> None:
    """Before anything is written that could not be read again, the error says which leaf it is and why."""
    with pytest.raises(BadTree, match=message):
        pytree.to_bytes(tree)


def test_the_limits_of_both_ends_are_the_same() -> None:
    """The deepest, widest tree that can be written can be read."""
    tree: object = 1
    for _ in range(DEPTH_MAX - 1):
        tree = {"a": tree}
    for whole in (tree, {str(index): 0 for index in range(ITEMS_MAX)}):
        assert pytree.from_bytes(pytree.to_bytes(whole)) == whole

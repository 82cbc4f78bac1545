"""Arrays and containers as msgpack, byte for byte as flax writes them, without flax, JAX or a pickle.

A tree is nested dicts, lists, tuples, numbers, strings, bytes, None and arrays; see docs/results.md.
"""

from filmlab.pytree.dtypes import BadTree
from filmlab.pytree.files import load_state, save_state
from filmlab.pytree.read import from_bytes, read
from filmlab.pytree.write import MAX_CHUNK_BYTES, Piece, pieces, to_bytes

__all__ = [
    "MAX_CHUNK_BYTES", "BadTree", "Piece", "from_bytes", "load_state", "pieces", "read", "save_state", "to_bytes",
]  # fmt: skip

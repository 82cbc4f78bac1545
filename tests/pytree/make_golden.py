"""Write golden.txt anew with a real flax: `pip install flax`, then `python tests/pytree/make_golden.py`."""

import hashlib
import sys
from pathlib import Path
from typing import Any

import cases
import flax
import flax.struct
import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
from flax import serialization


@flax.struct.dataclass
class Train:
    step: int
    params: Any
    apply: Any = flax.struct.field(pytree_node=False, default=None)


def main() -> None:
    trees = cases.plain() | cases.unreadable()
    trees["struct"] = Train(3, {"w": cases.numbers("f4")}, apply=print)
    for name in cases.EXTENDED:
        trees[f"array {name}"] = {"w": cases.numbers("f4").astype(getattr(ml_dtypes, name))}
    trees["scalar bfloat16"] = {"x": ml_dtypes.bfloat16(1.5)}
    trees["pieces:bfloat16"] = {"w": jnp.arange(9, dtype=jnp.bfloat16)}
    trees["jax"] = {"w": jnp.arange(6, dtype=jnp.int32).reshape(2, 3), "x": jnp.float32(1.5)}
    versions = [("flax", flax), ("jax", jax), ("ml_dtypes", ml_dtypes), ("numpy", np)]
    lines = [f"# {', '.join(f'{name} {module.__version__}' for name, module in versions)}"]
    for name, tree in trees.items():
        serialization.MAX_CHUNK_SIZE = cases.PIECES_BYTES if name.startswith("pieces:") else 2**30
        data = serialization.to_bytes(tree)
        said = data.hex() if len(data) <= cases.SHOWN_BYTES else f"sha256 {hashlib.sha256(data).hexdigest()}"
        lines.append(f"{name} = {said}")
    (Path(__file__).parent / "golden.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    main()

"""The HTML that filmlab writes: pages that open from disk, without a script."""

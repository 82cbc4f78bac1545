"""From what was handed over to a daemon that has it: the sender's thread, its socket, and what it decides (pure)."""

"""How long a test waits for what must come. There is no other figure: only a failure takes so long."""

PATIENCE_S = 150.0

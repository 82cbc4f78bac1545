"""Who must act when something fails: four classes, shared by the client and the daemon."""


class FilmlabError(Exception):
    """The root of everything that filmlab raises on purpose."""


class BadInput(FilmlabError, ValueError):
    """The sender is at fault: refuse, tell it, never retry."""


class WireError(BadInput):
    """Bytes that are no message of this protocol, or that exceed one of its limits."""


class Transient(FilmlabError):
    """We are at fault, for now: retry with backoff."""


class Corrupt(FilmlabError):
    """The disk gave back something else than was written: quarantine it and carry on."""

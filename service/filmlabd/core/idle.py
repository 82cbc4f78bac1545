"""For how long has there been nothing to do? A daemon that a trainer started ends by itself after a while. Pure."""


class Idle:
    """The time since something was last to be done. `exit_s` 0: it may be as long as it likes."""

    def __init__(self, exit_s: float) -> None:
        self.exit_s = exit_s
        self._since: float | None = None

    def is_over(self, now_at: float, *, busy: bool) -> bool:
        """Take note of whether something is to be done; True when nothing was for `exit_s`."""
        if busy:
            self._since = None
        elif self._since is None:
            self._since = now_at
        due_at = self.due_at()
        return due_at is not None and due_at <= now_at

    def due_at(self) -> float | None:
        """When that will be, if nothing comes; None for never."""
        return self._since + self.exit_s if self._since is not None and self.exit_s else None

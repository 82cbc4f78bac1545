"""Who asks? The user whose process this is, by name."""

import getpass
import os


def login() -> str:
    """Empty where the system has no name for this user's number, as in a container."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return ""


def asker() -> str:
    """The same for people: the number where there is no name."""
    return login() or f"user {os.getuid()}"

"""filmlab: trainers shoot film, the lab develops it."""

__version__ = "0.1.0"

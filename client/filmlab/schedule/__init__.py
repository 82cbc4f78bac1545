"""Which episodes become prints? A schedule that can travel as text, and the pure decision that it leads to."""

from filmlab.schedule.decider import Decider, Decision
from filmlab.schedule.rules import CaptureSchedule

__all__ = ["CaptureSchedule", "Decider", "Decision"]

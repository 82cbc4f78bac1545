"""The worker's side of every kind of job: from the index and the films to files."""

"""What was acknowledged: the control journal, and a file for each film. The truth."""

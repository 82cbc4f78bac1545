"""The filmlab daemon: receives film and metrics, keeps them, develops them into prints."""

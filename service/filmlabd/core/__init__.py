"""What to do about an event: every decision of the daemon, pure. No socket, file, clock, thread or log."""

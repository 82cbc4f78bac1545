"""Pictures from arrays and columns: pure functions, bytes out, no sockets and no database."""

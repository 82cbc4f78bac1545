"""The journal as SQLite: its schema, who writes it, and what it is asked."""

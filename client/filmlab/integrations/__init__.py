"""The loops people already have: gymnasium and others, each in a module of its own."""

"""The protocol: what travels between client and daemon, and every limit on it. `frame` frames, the others fill."""

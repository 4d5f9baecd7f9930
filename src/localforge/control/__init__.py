"""The forge's own door: what tests and administrators ask of it that GitHub has no operation for."""

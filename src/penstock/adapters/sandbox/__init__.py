"""Where untrusted commands run: away from everything (`bubblewrap`), or after an explicit order as they are (`none`)."""

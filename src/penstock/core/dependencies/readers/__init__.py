"""One module an ecosystem: bytes of a manifest or lock file to facts."""

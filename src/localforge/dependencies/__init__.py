"""What a repository depends on, as its manifests and lock files say: read, never resolved."""

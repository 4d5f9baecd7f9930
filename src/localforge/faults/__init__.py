"""What can go wrong between a client and GitHub, on demand and the same way every time."""

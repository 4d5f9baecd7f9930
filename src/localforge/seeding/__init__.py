"""A forge filled from a description: read with its places, checked as a whole, then planted in one transaction."""

"""What Penstock reaches the outside world with. Adapters know the ports and the core, and not each other."""

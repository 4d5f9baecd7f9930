"""The fleet: what repositories publish and need, and the order that follows."""

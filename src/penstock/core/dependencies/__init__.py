"""What repositories depend on: manifests and lock files read into facts, and what of it two trees differ in."""

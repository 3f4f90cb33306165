"""`python3 dev.py fuzz`: see the package for its targets."""

"""Serambi: CCTV integration by agreement."""

__version__ = "0.1.0"

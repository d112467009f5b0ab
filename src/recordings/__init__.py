"""Recordings: how they are taken in, described, found, changed, cancelled and deleted."""

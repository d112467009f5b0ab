"""Backup sets: how they are made, named, kept, read back, taken out and compared."""

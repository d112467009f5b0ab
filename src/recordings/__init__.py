"""Recordings: their intake, what they are said to be, how they are found, changed and let go."""

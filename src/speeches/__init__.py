"""Answers, reports and texts said aloud: what is said, in which pieces, and what was said so far."""

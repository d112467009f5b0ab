"""Speakers of a recording: who spoke when, and in which role."""

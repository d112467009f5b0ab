"""Voices in sound: where how many people speak, and vectors that tell whose voice it is."""

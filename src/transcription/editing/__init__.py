"""Corrections of a transcript by people: names and turns of speakers, words; every front door uses ``service``."""

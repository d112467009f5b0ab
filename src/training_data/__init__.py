"""Good answers as examples to train a language model with, without personal data."""

"""Settings of the property tests."""

from hypothesis import settings

# How long an example takes says nothing on a loaded machine.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

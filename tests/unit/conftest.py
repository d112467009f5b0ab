"""Settings of the property tests."""

import os

from hypothesis import settings

# How long an example takes says nothing on a loaded machine.
settings.register_profile("unhurried", deadline=None)
# Examples that no run has tried before, wherever it is; a failure prints how to repeat it.
settings.register_profile("new", deadline=None, derandomize=False, database=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "unhurried"))

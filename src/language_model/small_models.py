"""Which language models are small: too small to keep to a long task, so that they are asked small questions."""

import re

_BILLIONS = re.compile(r"(?<![\d.])(\d+(?:\.\d+)?)b(?![a-z])", re.IGNORECASE)
_MOST_BILLIONS = 4.0
"""Of parameters, by the name of the model. Those of seven and eight billions follow the ordinary prompts."""


def is_small(model: str) -> bool:
    """Tell whether the name of a model says that it is small; a name without a size says nothing."""
    sizes = [float(size) for size in _BILLIONS.findall(model)]
    return bool(sizes) and max(sizes) <= _MOST_BILLIONS

"""The one kind of array that the networks take and give."""

import numpy as np
from numpy.typing import NDArray

Float32Array = NDArray[np.float32]

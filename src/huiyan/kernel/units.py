"""Units and array types that every part shares.

Owns: byte units and the array aliases. Has no opinion on: what they measure.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

KIB_BYTES = 1024
MIB_BYTES = 1024 * KIB_BYTES

FloatArray = NDArray[np.float32]
"""An array of float32; the docstring that uses it gives the shape."""

IntArray = NDArray[np.int32]
"""An array of int32; the docstring that uses it gives the shape."""

PixelArray = NDArray[np.uint8]
"""An array of uint8 pixels, ``(H, W, 3)`` RGB unless the docstring says otherwise."""

AnyArray = NDArray[Any]
"""An array whose dtype the docstring gives."""

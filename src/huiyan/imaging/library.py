"""The picture libraries' own switches.

Owns: that they start no threads and write nothing to the standard streams. Has no opinion on: when;
the composition root calls it once, before the first picture.
"""

from __future__ import annotations

import cv2


def set_up_libraries() -> None:
    """Let OpenCV work in the calling thread and keep quiet.

    Threads are ours to start: one picture a compute thread costs the least in all. What OpenCV
    would log about a damaged picture reaches the caller as an error already.
    """
    cv2.setNumThreads(1)
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)

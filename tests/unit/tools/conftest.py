import sys
from pathlib import Path

# The tools are scripts beside the package; each finds its neighbours as Python's first path.
sys.path.insert(0, str(Path(__file__).parents[3] / "tools"))

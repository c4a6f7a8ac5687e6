"""What changed between two runs, or two crawls: for a person to read and for CI to check."""

from curate.compare.comparison import Comparison, compare
from curate.compare.floors import Floors

__all__ = ["Comparison", "Floors", "compare"]

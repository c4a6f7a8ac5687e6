"""What changed between two runs, or two crawls: for a person to read and for CI to check."""

from curate.compare.comparison import Comparison, compare
from curate.compare.limits import Limits

__all__ = ["Comparison", "Limits", "compare"]

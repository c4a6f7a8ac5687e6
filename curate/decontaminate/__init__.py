"""Keeping evaluation sets out of training data, and saying which of their items got in.

Enters: documents and evaluation files. Leaves: documents without the contaminated ones
(`Decontaminate`), or a report of both sides (`contamination_report`).
"""

from curate.decontaminate.step import Decontaminate

__all__ = ["Decontaminate"]

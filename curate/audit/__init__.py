"""Mutation testing for a corpus, and the story of a single record.

defects   kinds of damage, and what should become of each
plant     assembled documents, damaged and labelled
recall    what every step found, and what it cost undamaged documents
study     plant, run, judge: the command `curate audit`
explain   where a record came from, what was measured, who decided
"""

from curate.audit.study import audit

__all__ = ["audit"]

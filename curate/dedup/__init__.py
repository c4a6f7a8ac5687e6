"""Deduplication: of every group of equal or similar documents, one stays.

shingles     words and word n-grams as 64-bit hashes
minhash      signatures and band keys
marks        a document in four narrow columns
near         buckets -> verified pairs -> who stays
components   connected components, large-star and small-star
duplicates   the step `dedup`
"""

from curate.dedup.duplicates import Dedup

__all__ = ["Dedup"]

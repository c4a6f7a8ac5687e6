"""Spans of words that the corpus repeats.

step           the step `dedup_substrings`
passes         its three readings of the texts
fingerprints   words, winnowing, 128-bit windows
"""

"""Duplicate documents: equal ones and near ones.

duplicates        the step `dedup`
marks             a document in narrow columns
near greedy       candidates -> verified pairs -> who stays
components        connected components, large-star and small-star
urls              one key for all spellings of an address
index publish     kept documents that later crawls are compared with
"""

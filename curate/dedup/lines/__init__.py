"""Lines, paragraphs and runs of sentences that the corpus repeats.

step          the step `dedup_lines`
passes        its passes over Arrow batches
units spans   tiles of a text and their hashes; runs of sentences
occurrences   which occurrence goes
bloom         a published filter of what a crawl holds
"""

"""What documents are compared by: tokens and n-grams, MinHash signatures, bands.

tokens         words, characters and their n-grams as hashes, a batch at a time
permutations   the formulas of MinHash signatures
bands          band keys, and how many bands a threshold wants
published      other tools' schemes, bit for bit
shingles sha1  what those hash, and how
"""

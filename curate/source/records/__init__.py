"""Files that hold one document a record: JSON, CSV, Parquet, Arrow.

In: a file and which of its fields means what. Out: a row a record.
"""

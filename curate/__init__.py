"""Training data for language models on Apache Spark, with a ledger, an audit and a verdict."""

__version__ = "0.1.0"

"""Tokenizers: trained on a corpus, or read from a file of any of the three kinds in use.

Enters: texts, or a path. Leaves: `Encoding`, the JSON of a Hugging Face `tokenizers` tokenizer with
its end-of-document token: one form, whatever a tokenizer came from, so that encoding has one path.
"""

from curate.tokens.tokenizer.encoding import END, PAD_VOCABULARY, Encoding, load, token_bytes
from curate.tokens.tokenizer.files import read
from curate.tokens.tokenizer.training import Training, train

__all__ = ["END", "PAD_VOCABULARY", "Encoding", "Training", "load", "read", "token_bytes", "train"]

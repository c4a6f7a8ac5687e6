"""Whether token shards are what their manifest says: `curate verify`.

verify      all checks of one folder
findings    what is told: problems, warnings, notes
claims      what a manifest promises
files       sizes and checksums, in one pass with whoever reads the bytes
index       a `.idx` against itself and the manifest
payload     token ids, and where documents end
ids         an `.ids.parquet` against its index and the order of documents
origin      the table the documents came from: how often each is wanted, which are held out
heldout     held-out documents in training shards, by id and by 13-grams
"""

from curate.tokens.verification.findings import Verification
from curate.tokens.verification.verify import verify

__all__ = ["Verification", "verify"]

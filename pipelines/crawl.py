"""Crawl into WARC files: `python pipelines/crawl.py URL… --output DIR`, without Spark; or with it,
`spark-submit pipelines/crawl.py URL… --output DIR --shards N`.

The same job as `curate crawl` with the same arguments.
"""

import sys

# The checkout instead of this folder: a script named like a standard module must not shadow it.
sys.path[0] = __file__.rpartition("/pipelines/")[0] or "."

if __name__ == "__main__":
    from curate.cli import main

    main(["crawl", *sys.argv[1:]])

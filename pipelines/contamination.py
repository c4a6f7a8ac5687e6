"""Which evaluation items a table holds: `spark-submit pipelines/contamination.py --input PATH… --against FILE… --output DIR`.

The same job as `curate contamination` with the same arguments.
"""

import sys

# The checkout instead of this folder: a script named like a standard module must not shadow it.
sys.path[0] = __file__.rpartition("/pipelines/")[0] or "."

if __name__ == "__main__":
    from curate.cli import main

    main(["contamination", *sys.argv[1:]])

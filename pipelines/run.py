"""Run a whole recipe: `spark-submit pipelines/run.py RECIPE --output DIR [--set KEY=VALUE…]`.

The same job as `curate run` with the same arguments.
"""

import sys

# The checkout instead of this folder: a script named like a standard module must not shadow it.
sys.path[0] = __file__.rpartition("/pipelines/")[0] or "."

if __name__ == "__main__":
    from curate.cli import main

    main(["run", *sys.argv[1:]])

"""`python -m filmlabd.cli`: the same as the `filmlab` command."""

import sys

from filmlabd.cli.main import main

if __name__ == "__main__":
    sys.exit(main())

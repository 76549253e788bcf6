"""`python -m sideloop`: run an async function from the shell, or write stubs of twins."""

import sys

from sideloop._cli import main

if __name__ == "__main__":
    sys.exit(main())

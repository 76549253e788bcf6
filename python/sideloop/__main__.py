"""`python -m sideloop`: run an async function, write stubs of twins, or look for bridges."""

import sys

from sideloop._cli import main

if __name__ == "__main__":
    sys.exit(main())

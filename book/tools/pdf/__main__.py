"""Run the command line: ``python -m book.tools.pdf``."""

import sys

from book.tools.pdf import main

sys.exit(main())

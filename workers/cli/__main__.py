"""Lets ``python -m workers.cli`` do what the installed command does."""

import sys

from workers.cli import main

sys.exit(main())

"""``python -m ccd``."""

from ccd.cli import main

main()

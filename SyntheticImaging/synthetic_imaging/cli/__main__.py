"""``python -m synthetic_imaging.cli``."""

from synthetic_imaging.cli.app import main

main()

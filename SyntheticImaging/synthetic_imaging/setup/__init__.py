"""Set-up: what is installed and what is missing, installing it after asking, downloaded weights, a test of the GPU.

    from synthetic_imaging import setup
    print(setup.make_report().text())

Standard library alone (and this package): it must answer where nothing else is installed yet.
"""

from synthetic_imaging.setup.reporting import ReportRun, make_report
from synthetic_imaging.setup.rows import Report, Row, State

__all__ = ["Report", "ReportRun", "Row", "State", "make_report"]

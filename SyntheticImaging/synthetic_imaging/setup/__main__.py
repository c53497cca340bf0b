"""``python -m synthetic_imaging.setup [--json] [--host PROGRAM]``: print the report; what panels start."""

from __future__ import annotations

import argparse
import json

from synthetic_imaging.setup.reporting import make_report

parser = argparse.ArgumentParser(prog="python -m synthetic_imaging.setup", description=__doc__)
parser.add_argument("--json", action="store_true", help="one JSON object instead of words")
parser.add_argument("--host", default="", help="program and version that the tools run in")
options = parser.parse_args()
report = make_report(options.host)
print(json.dumps(report.to_dict()) if options.json else report.text())

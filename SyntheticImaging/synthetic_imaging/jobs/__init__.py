"""Run a tool here, or in a child process that can be stopped and whose crash does no harm.

    from synthetic_imaging import jobs
    result = jobs.run_in_child("lesions.handcrafted", {"ct": ct, "organ": liver}, {"count": 3}, seed=7)

A user interface drives a `Job` from a timer instead: ``start()``, then ``poll()`` until ``finished``.
"""

from synthetic_imaging.jobs.child import Job, State, run_in_child
from synthetic_imaging.jobs.here import run_here

__all__ = ["Job", "State", "run_here", "run_in_child"]

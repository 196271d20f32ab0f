"""Seatrial: the sea trial of a chat deployment.

The core: what a target is, what its contract says, the six verbs that every chat deployment is
asked to do, and the records of a run. It imports no pytest, schemathesis or Locust.
"""

__version__ = "0.1.0"

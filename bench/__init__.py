"""`make bench`: figures, each with its reference measured in the same run."""

import rig  # noqa: F401 - before gRPC, for what it sets

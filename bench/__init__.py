"""`make bench`: figures, each with its reference measured in the same run."""

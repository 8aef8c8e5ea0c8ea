"""The secrets of an installation: their lists in its settings, and what hangs on them."""

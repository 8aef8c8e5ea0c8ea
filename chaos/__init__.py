"""`make chaos`: what is promised holds while processes are killed, frozen and cut off."""

import rig  # noqa: F401 - before gRPC, for what it sets

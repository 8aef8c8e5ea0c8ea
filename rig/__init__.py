"""What `make bench` and `make chaos` stand on: a whole system of real processes, and processes that use it."""

import os

# Programs are started while channels are open; nothing is forked that would use them, and gRPC need not say so.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "false")

"""What `make bench` and `make chaos` stand on: a whole system of real processes, and processes that use it."""

"""The production shape on one machine, and the runbooks followed on it under load: `make staging`.

Two of each process, PostgreSQL and nginx of the system's packages, TLS everywhere, settings of production; all of it in
a network of its own, in which every process has the address and the port that it has in production, and out of which
nothing goes. See docs/staging.md.
"""

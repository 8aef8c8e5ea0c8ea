"""Who may call what: the rules written in the contract, and the interceptor that enforces them."""

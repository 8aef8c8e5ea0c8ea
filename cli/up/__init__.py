"""`sedifex up`: the whole system on one machine, for trying out, developing and testing."""

"""The WordPress plugin in real sites.

A package, so that its browser ends with its last test: it keeps an event loop running, in which others could not.
"""

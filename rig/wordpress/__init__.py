"""Real WordPress sites to run the plugin in: unpacked, not installed, and gone when they are not needed any more."""

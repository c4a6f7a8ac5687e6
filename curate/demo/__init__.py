"""The embedded demonstration: a site and a corpus every Python has (`site`, `corpus`), the `flow`."""

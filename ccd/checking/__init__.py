"""``ccd check``: does a part keep the contract of its family? Shown on generated data."""

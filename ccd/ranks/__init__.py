"""Several processes that train one model: the share of each, and how shares come together."""

"""Graphs and message passing: user-item, item-item, and the engines below them."""

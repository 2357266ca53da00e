"""Tests of ccd.cold_items."""

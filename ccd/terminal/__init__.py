"""The terminal itself: its width and characters, tables that fit it, a closed pipe."""

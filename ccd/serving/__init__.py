"""Using what was trained: vectors exported from a run, and a service that recommends from them.

Only ``export`` opens a run and so needs torch. What serves reads the exported folder alone: NumPy
arrays, memory-mapped, and lists of ids.
"""

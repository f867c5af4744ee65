"""How coroutines, threads and locks of the package run."""

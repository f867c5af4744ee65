"""Benchmarks: each workload in a fresh process, for this library and for its peers, interleaved.

``python -m benchmarks --help``; ``make bench`` sets up the environments first.
"""

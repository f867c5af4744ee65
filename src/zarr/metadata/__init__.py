"""Metadata: the documents of arrays and groups, in both formats, and what they mean."""

"""Turning hierarchies of format 2 into such of format 3, in place."""

"""Tools that look at hierarchies and change nothing but attributes."""

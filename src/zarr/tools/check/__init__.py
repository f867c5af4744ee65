"""Tools that check hierarchies and mend them."""

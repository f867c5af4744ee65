"""Files of other formats, and arrays made of them."""

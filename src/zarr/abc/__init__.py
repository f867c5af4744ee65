"""The classes to subclass: stores, codecs, buffers, metadata."""

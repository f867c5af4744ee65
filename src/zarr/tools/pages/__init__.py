"""Pages for browsers: reports, pictures, and a server."""

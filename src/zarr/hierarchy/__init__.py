"""The nodes of hierarchies in stores: documents, places, walks; what arrays and groups share."""

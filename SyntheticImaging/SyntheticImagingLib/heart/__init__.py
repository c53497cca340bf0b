"""Segmenting what is loaded, for any host: the models, the volumes, where the network was unsure. No Qt."""

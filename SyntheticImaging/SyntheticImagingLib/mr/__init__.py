"""MR sequences that were not acquired, for any host: what is loaded, the methods, how a result is shown. No Qt."""

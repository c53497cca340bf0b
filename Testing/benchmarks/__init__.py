"""Speed and memory beside comparable methods, measured in one run: `make bench`."""

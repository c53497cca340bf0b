"""How evidence is made: pages with tables and pictures, and the comparison of a generated with a real set."""

"""Making and looking through cohorts, for any host: ranges, making, pages of cases, one case in the scene. No Qt."""

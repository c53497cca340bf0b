"""Adding noise, and learning to take it away: schedules, what a network predicts, training losses."""

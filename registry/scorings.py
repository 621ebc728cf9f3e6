"""Files that a version scores for a person, and what came of them. Owns `scorings`."""

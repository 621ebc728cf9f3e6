"""What a version must meet before an alias moves to it. Owns `gates`."""

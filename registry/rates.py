"""How often one actor may ask: sliding windows in memory. No table."""

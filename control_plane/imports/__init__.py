"""Files and lists taken in: imports of CSV, and bulk updates."""

"""The launcher behind `./dev`: environment, servers and processes of one folder. Owns no product logic."""

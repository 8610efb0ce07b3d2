"""The launcher: its pure parts, its servers, and the whole of it under signals."""

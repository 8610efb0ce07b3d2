"""People: they sign up and in, have sessions, second factors, and ways back in."""

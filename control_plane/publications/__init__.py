"""Publications: what was given to one customer of a campaign, and giving it."""

"""An installation that everything happens to while people work with it, and the account of what they were promised."""

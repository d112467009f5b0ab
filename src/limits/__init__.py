"""What people may use in a month: limits of roles and people, and what is reserved and used of them."""

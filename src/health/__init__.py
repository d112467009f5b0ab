"""Health: what each part of the machine is like, how that is found out, and what the owner is told of it."""

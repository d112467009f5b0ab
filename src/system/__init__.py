"""What the system that this process runs on gives and lacks: programs, open files, memory."""

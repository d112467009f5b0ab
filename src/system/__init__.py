"""What this process needs of its operating system: programs, open files, memory; and shortages of these."""

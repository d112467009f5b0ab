"""What the installation on a server needs beyond the product itself."""

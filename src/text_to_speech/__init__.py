"""Text to speech: the port, and the engines that implement it."""

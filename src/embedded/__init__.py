"""The engines that run on this machine when nothing else is configured."""

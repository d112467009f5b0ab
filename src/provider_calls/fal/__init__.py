"""The image service fal.ai: its queue, its webhooks, its trainers, and a double of all that for test mode."""

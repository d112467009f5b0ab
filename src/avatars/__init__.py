"""Avatars: image models of people, trained from their photographs at a service, and the pictures painted with them."""

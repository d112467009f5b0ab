"""What many interviews say together: factors counted over finished reports, their trend and saturation."""

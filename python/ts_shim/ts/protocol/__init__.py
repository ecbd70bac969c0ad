"""Import names of older handlers."""

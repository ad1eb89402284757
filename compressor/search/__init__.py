"""Which student to make where a person names what it is to be like, not how large: the logic, without models or data."""

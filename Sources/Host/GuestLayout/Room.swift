// Made below.

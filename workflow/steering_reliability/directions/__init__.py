"""Steering directions: what is read from the model, and the vector that is made of it."""

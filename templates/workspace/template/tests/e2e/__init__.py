"""Whole paths of users, through the gateway."""

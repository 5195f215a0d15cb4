"""Programs that call every operation of a client, each written for one language."""

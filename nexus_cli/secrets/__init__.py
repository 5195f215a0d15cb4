"""Where secret values come from; a blueprint holds their names only."""

"""What leaves this machine: variants under their names, with card and recipe, on the Hub or as a zip."""
